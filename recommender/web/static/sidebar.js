/* Related stories: <related-stories article-id="…"></related-stories>, and once this script with async.
   Where the service has nothing to give, the element stays empty. docs/reference/snippet.md lists attributes and events. */
(function () {
  "use strict";
  if (self.recommender) return;
  const script = document.currentScript;
  const ELEMENT = "related-stories";
  const OLD = "[data-recommender]";
  const NAMES = ["article-id", "url", "n", "lang", "edition", "fallback", "exclude", "endpoint", "timeout", "style",
    "heading", "fallback-heading", "heading-level", "show", "link", "campaign"];
  const asked = new WeakMap(); // what an element was last filled for
  let boxes = 0;
  let styled = null;

  /* Of the element itself lang and style mean something else. */
  function option(element, name) {
    const short = element.localName === ELEMENT && name !== "lang" && name !== "style";
    return element.getAttribute("data-" + name) || (short && element.getAttribute(name)) || "";
  }

  const options = (element) => Object.fromEntries(NAMES.map((name) => [name, option(element, name)]));

  function node(tag, name, content, language) {
    const made = document.createElement(tag);
    made.className = name;
    if (content) made.textContent = content;
    if (language) speak(made, language);
    return made;
  }

  function speak(element, language) {
    element.lang = language;
    element.dir = /^(ar|ckb|dv|fa|he|ks|ku-arab|ps|sd|syr|ug|ur|yi)\b/.test(language) ? "rtl" : "ltr";
  }

  function positive(value, standard) {
    const number = parseInt(value, 10);
    return number > 0 ? number : standard;
  }

  function requestUrl(data) {
    const home = new URL((script && script.src) || location.href).origin;
    const url = new URL(data.endpoint || home + "/api/v1/recommend", document.baseURI);
    const put = (name, value) => value && url.searchParams.set(name, value);
    const canonical = document.querySelector('link[rel~="canonical"]');
    const page = (canonical && canonical.href) || location.origin + location.pathname + location.search;
    if (data["article-id"]) put("article_id", data["article-id"]);
    else put("url", data.url || page);
    put("n", positive(data.n, 3));
    put("unlinked", data.link && "true");
    ["lang", "edition", "fallback", "exclude"].forEach((name) => put(name, data[name]));
    return url.href;
  }

  async function fetchJson(url, timeout) {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), timeout);
    try {
      const headers = { Accept: "application/json" };
      const response = await fetch(url, { credentials: "omit", headers, signal: controller.signal });
      if (!response.ok) throw new Error("status " + response.status);
      return await response.json(); // a slow body counts as slow too
    } finally {
      clearTimeout(timer);
    }
  }

  /* Brings sidebar.css, which lies beside this script, unless the page links to it. A link that a script adds holds up
     neither painting nor other scripts, and a strict policy allows it by its address. It comes before the page's own
     styles, so they have the last word. The promise is kept as well where the style is refused. */
  function bringStyle() {
    return new Promise((resolve) => {
      const there = document.querySelector('link[rel~="stylesheet"][href*="sidebar.css"]');
      if (there || !script || !script.src) return resolve();
      const link = document.createElement("link");
      link.rel = "stylesheet";
      link.href = new URL("sidebar.css", script.src).href;
      link.onload = link.onerror = resolve;
      document.head.prepend(link);
    });
  }

  function inTime(promise, timeout) {
    return new Promise((resolve, reject) => {
      promise.then(resolve, reject);
      setTimeout(() => reject(new Error("the style is late")), timeout);
    });
  }

  /* The address to link to, with the site's campaign parameters; "" where the scheme is not http(s). */
  function linkOf(item, data) {
    const link = data.link && item.id ? data.link.split("{id}").join(encodeURIComponent(item.id)) : item.url;
    try {
      const url = new URL(String(link || "").trim() || "x:", document.baseURI);
      if (!/^https?:$/.test(url.protocol)) return "";
      if (!data.campaign) return String(link).trim();
      new URLSearchParams(data.campaign).forEach((value, name) => url.searchParams.set(name, value));
      return url.href;
    } catch (error) {
      return "";
    }
  }

  function teaser(item, link, level, show, spoken) {
    const entry = node("li", "rec-item", "", item.language);
    entry.dataset.id = item.id;
    entry.dataset.source = item.source || "related";
    if (/image/.test(show) && /^https?:/.test(item.image_url)) {
      const image = node("img", "rec-image");
      Object.assign(image, { loading: "lazy", decoding: "async", alt: "", width: 480, height: 270 });
      image.src = item.image_url;
      entry.append(image);
    }
    const title = node(level < 6 ? "h" + (level + 1) : "p", "rec-title");
    const anchor = node("a", "rec-link", item.title.trim());
    anchor.setAttribute("href", link);
    title.append(anchor);
    entry.append(title);
    if (/summary/.test(show) && item.summary) entry.append(node("p", "rec-summary", item.summary));
    const other = spoken !== item.language && spoken;
    const said = (value) => typeof value === "string" && value.trim();
    const fact = (name, value) => said(value) && node("bdi", name, value);
    const date = /date/.test(show) && fact("rec-date", item.date_text);
    if (date) {
      const time = node("time", "", item.date_text);
      time.dateTime = item.posted_on;
      date.replaceChildren(time);
    }
    const reads = /reads/.test(show) && fact("rec-reads", item.reads_text);
    const facts = [fact("rec-language", item.in_language), date, reads].filter(Boolean);
    if (facts.length) {
      const meta = node("p", "rec-meta", "", other);
      facts.forEach((one, place) => meta.append(place ? " " : "", one));
      entry.append(meta);
    }
    const reason = /reason/.test(show) && said(item.reason);
    if (reason) entry.append(node("p", "rec-reason", reason, other));
    return entry;
  }

  const isFallback = (item) => /^fallback/.test(item.source);

  function box(answer, data) {
    const level = Math.min(positive(data["heading-level"], 2), 6);
    const spoken = answer.language || (answer.article && answer.article.language);
    const items = answer.items
      .filter((item) => item && typeof item.title === "string" && item.title.trim() && linkOf(item, data))
      .slice(0, positive(data.n, 3));
    const section = node("section", "rec-box", "", spoken);
    section.removeAttribute("lang"); // a heading may be of another one
    section.dataset.requestId = answer.request_id || "";
    if (answer.trial) section.dataset.trial = "";
    const own = data["fallback-heading"] || answer.fallback_heading;
    const first = items.findIndex(isFallback);
    // A pin may stand behind a fallback: then they are not told apart.
    const apart = own && first >= 0 && items.slice(first).every(isFallback) ? first : -1;
    let list;
    items.forEach((item, place) => {
      if (!place || place === apart) {
        const [text, language] = place === apart
          ? [own, data["fallback-heading"] ? "" : spoken]
          : data.heading ? [data.heading] : [answer.heading || "More on the Sahel", answer.heading_language];
        const heading = node("h" + level, "rec-heading", text, language);
        heading.id = "rec-heading-" + ++boxes;
        if (!place) section.setAttribute("aria-labelledby", heading.id);
        list = node("ol", "rec-list");
        list.setAttribute("role", "list"); // lost in Safari with list-style: none
        section.append(heading, list);
      }
      list.append(teaser(item, linkOf(item, data), level, data.show || "date,reads,summary,reason", spoken));
    });
    return items.length ? section : null;
  }

  function tell(element, name, detail) {
    element.dispatchEvent(new CustomEvent("recommender:" + name, { bubbles: true, composed: true, detail }));
  }

  /* Told to the page. While two model versions share the sidebar the service counts which teasers are clicked on, and
     nothing else. Heard on the document, so that a box that was copied with its page is heard as well. */
  function clicked(event) {
    const anchor = event.composedPath()[0].closest?.(".rec-link");
    if (!anchor || event.button > 1) return; // 1: into a new tab
    const section = anchor.closest(".rec-box"), entry = anchor.closest(".rec-item");
    const { id, source } = entry.dataset, requestId = section.dataset.requestId || null;
    const place = [...section.querySelectorAll(".rec-item")].indexOf(entry) + 1;
    tell(anchor, "click", { id, place, source, requestId, href: anchor.href });
    if (!("trial" in section.dataset) || !navigator.sendBeacon) return;
    const element = section.closest(ELEMENT + "," + OLD);
    const url = new URL("events", requestUrl(options(element)));
    navigator.sendBeacon(url, JSON.stringify({ request_id: requestId, article_id: id }));
  }

  /* Asks and fills, whatever the element holds. */
  async function fill(element) {
    const data = options(element), state = element.dataset, turn = {};
    asked.set(element, turn);
    turn.key = JSON.stringify(data);
    state.recState = "loading";
    element.setAttribute("aria-busy", "true"); // sidebar.css keeps room, unless it is hidden
    let section = null, requestId = null;
    try {
      const timeout = positive(data.timeout, 3000);
      if (data.style !== "none") styled = styled || bringStyle();
      const style = data.style === "none" || inTime(styled, timeout);
      const [answer] = await Promise.all([fetchJson(requestUrl(data), timeout), style]); // never bare, then dressed
      (answer.warnings || []).forEach((warning) => console.warn("recommender:", warning));
      section = box(answer, data);
      requestId = answer.request_id || null;
    } catch (error) {
      console.debug("recommender: nothing to show:", String(error));
    }
    if (asked.get(element) !== turn) return; // asked for something else meanwhile
    element.replaceChildren(...(section ? [section] : []));
    element.removeAttribute("aria-busy");
    // Room that the page keeps is kept while it is in view, filled or not: nothing jumps.
    const { top, bottom } = element.getBoundingClientRect();
    element.hidden = !section && !(bottom > top && bottom > 0 && top < innerHeight);
    state.recState = section ? "filled" : "empty";
    const count = section ? section.querySelectorAll(".rec-item").length : 0;
    tell(element, state.recState, { requestId, count });
  }

  /* Fills an element that is new, was emptied, or asks for something else than before. */
  function look(element) {
    const turn = asked.get(element), there = element.querySelector(".rec-box");
    if (turn ? turn.key === JSON.stringify(options(element)) && (there || element.dataset.recState !== "filled") : there)
      return;
    fill(element);
  }

  function start() {
    const attributes = NAMES.flatMap((name) => [name, "data-" + name]);
    customElements.define(ELEMENT, class extends HTMLElement {
      static observedAttributes = attributes;
      connectedCallback() { look(this); }
      attributeChangedCallback() { if (this.isConnected && asked.has(this)) look(this); }
    });
    document.querySelectorAll(OLD).forEach(look);
    new MutationObserver((records) => records.forEach(({ type, target, addedNodes }) => {
      if (type === "attributes") return target.matches(OLD) && look(target);
      addedNodes.forEach((added) => added.nodeType === 1
        && [added, ...added.querySelectorAll(OLD)].forEach((each) => each.matches(OLD) && look(each)));
    })).observe(document, { childList: true, subtree: true, attributes: true, attributeFilter: attributes });
  }

  self.recommender = { fill };
  addEventListener("click", clicked, true);
  addEventListener("auxclick", clicked, true);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
