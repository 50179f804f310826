// The editors' desk: keys, moving in lists, reordering, progress. Every action is a form or a link and works without.
(() => {
  "use strict";

  const TYPING = "textarea, select, [contenteditable], input:not([type=radio], [type=checkbox], [type=submit], [type=button])";
  const SENT_FOR = 10_000; // milliseconds; then a form may be sent again: its request key keeps it from counting twice
  const POLL_EVERY = 1_000;
  const OFF = "desk-keys-off"; // in the browser's storage

  const dialog = document.getElementById("keys");
  const say = (text) => (document.querySelector("[data-live]").textContent = text);
  const seen = (element) => element.getClientRects().length > 0 && !element.disabled;

  // -- lists: one item is the current one -----------------------------------------------------------------------------

  const items = () => [...document.querySelectorAll("[data-list] > *")];
  const itemOf = (element) => element?.closest("[data-list] > *") ?? null;
  let current = null;

  function mark(item) {
    current?.removeAttribute("aria-current");
    current = item;
    current?.setAttribute("aria-current", "true");
  }

  function focus(item) {
    mark(item);
    if (!item.hasAttribute("tabindex")) item.tabIndex = -1;
    item.focus({ preventScroll: true });
    item.scrollIntoView({ block: "nearest" });
  }

  function step(by) {
    const all = items();
    const next = all[all.indexOf(current) + by];
    if (next) focus(next);
    return next !== undefined;
  }

  // "Next" by key or pointer: the item after its own, or after the last one the next page of the list.
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-advance]");
    if (!button) return;
    mark(itemOf(button));
    if (!step(1)) document.querySelector("a[rel=next]")?.click();
  });

  function start() {
    const item = itemOf(document.getElementById(location.hash.slice(1)));
    if (item) focus(item);
    else mark(items()[0] ?? null);
  }

  document.addEventListener("focusin", (event) => {
    const item = itemOf(event.target);
    if (item) mark(item);
  });
  addEventListener("hashchange", start);

  // -- keys -----------------------------------------------------------------------------------------------------------

  const toggle = dialog.querySelector("[data-keys-switch]");
  toggle.checked = !localStorage.getItem(OFF);
  toggle.addEventListener("change", () => localStorage.setItem(OFF, toggle.checked ? "" : "1"));

  // Whether a key is typed into an element. A number holds no letter but e, so that the others stay commands there.
  const types = (element, key) => element.matches?.(TYPING) && !(element.type === "number" && /^[a-df-z]$/i.test(key));

  // The key as typed, and the digit on it: on French keyboards digits need Shift.
  function typed(event) {
    const digit = /^(?:Digit|Numpad)(\d)$/.exec(event.code);
    return [event.key.toLowerCase(), ...(digit ? [digit[1]] : [])];
  }

  function bearer(key) {
    const all = [...document.querySelectorAll(`[data-key="${CSS.escape(key)}"]`)].filter(seen);
    return all.find((element) => current?.contains(element)) ?? all.find((element) => !itemOf(element));
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.defaultPrevented) return;
    if (types(event.target, event.key) || document.querySelector("dialog[open]")) return;
    if (!toggle.checked && event.key !== "?") return;
    for (const key of typed(event)) {
      const element = bearer(key);
      if (element) {
        event.preventDefault();
        return event.repeat || press(element);
      }
      if (key === "j" || key === "k") return step(key === "j" ? 1 : -1);
    }
  });

  function press(element) {
    if (element.matches(TYPING)) element.focus();
    else element.click();
    if (element.matches("input[data-advance]")) step(1);
  }

  function listKeys() {
    for (const row of dialog.querySelectorAll("[data-when]")) row.hidden = !document.querySelector(row.dataset.when);
    for (const row of dialog.querySelectorAll("dl > :not([data-when])")) row.remove();
    const labels = new Map();
    for (const element of [...document.querySelectorAll("[data-key]")].filter(seen)) {
      if (!labels.has(element.dataset.key)) labels.set(element.dataset.key, labelOf(element));
    }
    for (const [key, label] of labels) {
      const row = add(dialog.querySelector("dl"), "div");
      add(add(row, "dt"), "kbd").textContent = key;
      add(row, "dd").textContent = label;
    }
  }

  const add = (parent, name) => parent.appendChild(document.createElement(name));

  function labelOf(element) {
    if (element.dataset.keyLabel) return element.dataset.keyLabel;
    if (element.hasAttribute("aria-label")) return element.getAttribute("aria-label");
    const copy = (element.labels?.[0] ?? element).cloneNode(true);
    for (const part of copy.querySelectorAll("kbd, .unseen")) part.remove();
    return copy.textContent.trim();
  }

  for (const opener of document.querySelectorAll("[data-opens=keys]")) {
    opener.addEventListener("click", () => {
      listKeys();
      dialog.showModal();
    });
  }

  // -- sending: once, with the seconds that the page has been looked at ---------------------------------------------------

  let sending = 0;
  let lookedBefore = 0;
  let since = document.hidden ? null : performance.now();

  document.addEventListener("visibilitychange", () => {
    if (document.hidden && since !== null) lookedBefore += performance.now() - since;
    since = document.hidden ? null : performance.now();
  });

  const looked = () => Math.round((lookedBefore + (since === null ? 0 : performance.now() - since)) / 1000);

  const buttonsOf = (form) => [...form.elements].filter((element) => element.type === "submit");

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.getAttribute("method")?.toLowerCase() !== "post") return;
    if (sending) return event.preventDefault();
    const field = form.elements.namedItem("seconds");
    if (field) field.value = looked();
    sending = setTimeout(() => rest(form), SENT_FOR);
    form.setAttribute("aria-busy", "true");
    // Later, because a disabled button would not be sent along.
    setTimeout(() => buttonsOf(form).forEach((button) => (button.disabled = true)));
  });

  function rest(form) {
    clearTimeout(sending);
    sending = 0;
    form.removeAttribute("aria-busy");
    for (const button of buttonsOf(form)) button.disabled = false;
  }

  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    document.querySelectorAll("form[aria-busy]").forEach(rest);
    lookedBefore = 0;
    since = performance.now();
  });

  // -- reordering: hidden inputs are sent in the order of the page --------------------------------------------------------

  function moved(list, item) {
    const places = [...list.children];
    list.querySelectorAll("[data-place]").forEach((place, index) => (place.textContent = index + 1));
    list.closest("form")?.classList.add("is-changed");
    say(dialog.dataset.moved.replace("{place}", places.indexOf(item) + 1).replace("{total}", places.length));
  }

  function move(list, item, by) {
    const other = by < 0 ? item.previousElementSibling : item.nextElementSibling;
    if (!other) return;
    const focused = document.activeElement;
    other[by < 0 ? "before" : "after"](item);
    focused.focus();
    moved(list, item);
  }

  for (const list of document.querySelectorAll("[data-reorder]")) {
    const childOf = (element) => [...list.children].find((child) => child.contains(element));
    let dragged = null;
    let home = null;

    list.addEventListener("keydown", (event) => {
      if (!event.altKey || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
      event.preventDefault();
      move(list, childOf(event.target), event.key === "ArrowUp" ? -1 : 1);
    });
    list.addEventListener("click", (event) => {
      const button = event.target.closest("[data-move]");
      if (button) move(list, childOf(button), Number(button.dataset.move));
    });
    for (const handle of list.querySelectorAll("[data-handle]")) handle.draggable = true;
    list.addEventListener("dragstart", (event) => {
      if (!event.target.matches?.("[data-handle]")) return;
      dragged = childOf(event.target);
      home = dragged.nextElementSibling;
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData("text/plain", "");
      event.dataTransfer.setDragImage(dragged, 0, 0);
      dragged.classList.add("is-dragged");
    });
    list.addEventListener("dragover", (event) => {
      if (!dragged) return;
      event.preventDefault();
      const over = childOf(event.target);
      if (!over || over === dragged) return;
      const box = over.getBoundingClientRect();
      if (event.clientY < box.top + box.height / 2) over.before(dragged);
      else over.after(dragged);
    });
    list.addEventListener("drop", (event) => event.preventDefault());
    list.addEventListener("dragend", (event) => {
      if (!dragged) return;
      dragged.classList.remove("is-dragged");
      if (event.dataTransfer.dropEffect === "none") list.insertBefore(dragged, home);
      else if (dragged.nextElementSibling !== home) moved(list, dragged);
      dragged = null;
    });
  }

  // -- progress of a job: JSON {done, total, ready}, where `ready` is the page to go to ----------------------------------------

  async function poll(bar) {
    try {
      const response = await fetch(bar.dataset.poll, { headers: { Accept: "application/json" } });
      if (!response.ok) throw new Error(response.status);
      const { done, total, ready } = await response.json();
      if (ready) {
        const { pathname, search } = new URL(ready, location.href);
        return location.assign(location.origin + pathname + search);
      }
      if (total) {
        bar.max = total;
        bar.value = done;
        bar.parentElement.querySelector("[data-count]").textContent = `${done} / ${total}`;
      }
      say("");
    } catch {
      say(dialog.dataset.unanswered);
    }
    setTimeout(poll, POLL_EVERY, bar);
  }

  document.querySelectorAll("progress[data-poll]").forEach(poll);

  // -- queue and article: Enter opens the current item; a link to an item goes there also a second time ---------------------

  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target === current) current.querySelector("[data-opens-item]")?.click();
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('a[href^="#"]');
    if (link && link.hash === location.hash) start();
  });

  start();

  // Screen readers announce what is put into a status region, not what stood there at the start.
  const flashes = document.querySelectorAll("#messages > .flash");
  if (flashes.length) setTimeout(() => document.getElementById("messages").append(...flashes), 100);
})();
