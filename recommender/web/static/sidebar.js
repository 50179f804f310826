/* Related stories: <aside data-recommender data-article-id="…" hidden></aside>, and once this script with async.
   When the service has nothing to give, the element stays empty and hidden. */
(function () {
  "use strict";
  const script = document.currentScript;
  let boxes = 0;
  let styled = null;

  function node(tag, name, content) {
    const made = document.createElement(tag);
    made.className = name;
    if (content) made.textContent = content;
    return made;
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
    if (data.articleId) put("article_id", data.articleId);
    else put("url", data.url || page);
    put("n", positive(data.n, 3));
    ["lang", "edition", "fallback", "exclude"].forEach((name) => put(name, data[name]));
    return url.href;
  }

  async function fetchJson(url, timeout) {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), timeout);
    try {
      const response = await fetch(url, {
        credentials: "omit",
        headers: { Accept: "application/json" },
        signal: controller.signal,
      });
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

  /* The address to link to; "" where the scheme is not http(s). */
  function linkOf(item, pattern) {
    const link = pattern && item.id
      ? pattern.split("{id}").join(encodeURIComponent(item.id))
      : String(item.url || "").trim();
    try {
      return link && /^https?:$/.test(new URL(link, document.baseURI).protocol) ? link : "";
    } catch (error) {
      return "";
    }
  }

  function locale(language) {
    try {
      return Intl.getCanonicalLocales(language === "en" ? "en-GB" : language)[0];
    } catch (error) {
      return "en-GB";
    }
  }

  function dateNode(item, where) {
    const date = new Date(item.posted_on || NaN);
    if (isNaN(date)) return null;
    const shape = { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" };
    const words = date.toLocaleDateString(where, shape);
    const time = node("time", "rec-date", /^fr/.test(where) ? words.replace(/^1 /, "1er ") : words);
    time.dateTime = item.posted_on;
    return time;
  }

  function readsNode(item, where) {
    const reads = item.read_count;
    if (typeof reads !== "number") return null;
    const word = /^fr/.test(where)
      ? reads < 2 ? " lecture" : " lectures"
      : reads === 1 ? " read" : " reads";
    return node("span", "rec-reads", reads.toLocaleString(where) + word);
  }

  function teaser(item, link, level, show, spoken) {
    const where = locale(item.language);
    const entry = node("li", "rec-item");
    if (item.language) entry.lang = item.language;
    entry.dataset.id = item.id;
    entry.dataset.source = item.source || "related";
    const title = node(level < 6 ? "h" + (level + 1) : "p", "rec-title");
    const anchor = node("a", "rec-link", item.title.trim());
    anchor.setAttribute("href", link);
    title.append(anchor);
    entry.append(title);
    if (/summary/.test(show) && item.summary) entry.append(node("p", "rec-summary", item.summary));
    const date = /date/.test(show) && dateNode(item, where);
    const reads = /reads/.test(show) && readsNode(item, where);
    const inLanguage = typeof item.in_language === "string" && item.in_language;
    const language = inLanguage && node("span", "rec-language", inLanguage);
    const facts = [language, date, reads].filter(Boolean);
    if (facts.length) {
      const meta = node("p", "rec-meta");
      facts.forEach((fact, place) => meta.append(place ? " " : "", fact));
      entry.append(meta);
    }
    const reason = /reason/.test(show) && typeof item.reason === "string" && item.reason.trim();
    const why = reason && node("p", "rec-reason", reason);
    if (why) entry.append(why);
    if (spoken && spoken !== item.language) [language, why].forEach((said) => said && (said.lang = spoken));
    return entry;
  }

  function box(answer, data) {
    const level = Math.min(positive(data.headingLevel, 2), 6);
    const list = node("ol", "rec-list");
    list.setAttribute("role", "list"); // lost in Safari with list-style: none
    const spoken = answer.article && answer.article.language;
    answer.items.forEach((item) => {
      const named = item && typeof item.title === "string" && item.title.trim();
      const link = named && linkOf(item, data.link);
      if (!link || list.children.length === positive(data.n, 3)) return;
      list.append(teaser(item, link, level, data.show || "date,reads,summary,reason", spoken));
    });
    const heading = node("h" + level, "rec-heading", data.heading || "More on the Sahel");
    heading.id = "rec-heading-" + ++boxes;
    const section = node("section", "rec-box");
    section.setAttribute("aria-labelledby", heading.id);
    section.append(heading, list);
    return section;
  }

  /* While two model versions share the sidebar, the service counts which teasers are clicked on, and nothing else. */
  function reportClicks(section, answer, url) {
    const report = (event) => {
      const anchor = event.target.closest(".rec-link");
      if (!anchor || event.button > 1 || !navigator.sendBeacon) return; // 1: into a new tab
      const clicked = { request_id: answer.request_id, article_id: anchor.closest(".rec-item").dataset.id };
      navigator.sendBeacon(url, JSON.stringify(clicked));
    };
    section.addEventListener("click", report);
    section.addEventListener("auxclick", report);
  }

  async function fill(element) {
    const data = element.dataset;
    if (data.recState || element.querySelector(".rec-box")) return;
    data.recState = "loading";
    element.setAttribute("aria-busy", "true"); // sidebar.css keeps room, unless it is hidden
    let section, requestId = null, count = 0;
    try {
      const url = requestUrl(data);
      const timeout = positive(data.timeout, 3000);
      if (data.style !== "none") styled = styled || bringStyle();
      const style = data.style === "none" || inTime(styled, timeout);
      const [answer] = await Promise.all([fetchJson(url, timeout), style]); // never shown bare, then dressed
      section = box(answer, data);
      if (answer.trial) reportClicks(section, answer, new URL("events", url).href);
      requestId = answer.request_id || null;
      count = section.querySelectorAll(".rec-item").length;
    } catch (error) {
      console.debug("recommender: nothing to show:", String(error));
    }
    element.textContent = "";
    if (count) element.append(section);
    element.hidden = !count;
    element.removeAttribute("aria-busy");
    data.recState = count ? "filled" : "empty";
    const detail = { requestId, count };
    element.dispatchEvent(new CustomEvent("recommender:" + data.recState, { bubbles: true, detail }));
  }

  const start = () => document.querySelectorAll("[data-recommender]").forEach(fill);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
