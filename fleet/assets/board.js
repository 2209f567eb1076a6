// Keeps a page current: counts and rows change in place, nothing moves, and whatever has the focus keeps it.
// Everything that arrives is text and is set as text.
(() => {
  "use strict";
  const state = document.getElementById("live");
  const path = document.body.dataset.live;
  if (!state || !path || !window.EventSource) return;

  const announce = document.getElementById("announce");
  const moved = document.getElementById("moved");
  const silence = 40_000;
  let source = null;
  let timer = 0;
  let wait = 1_000;
  let spoken = 0;

  const say = (kind, words) => {
    if (state.dataset.live === kind && state.textContent === words) return;
    state.dataset.live = kind;
    state.textContent = words;
  };
  const alive = () => {
    clearTimeout(timer);
    timer = setTimeout(again, silence);
    wait = 1_000;
    say("on", "Live");
  };
  const again = () => {
    clearTimeout(timer);
    if (source) source.close();
    source = null;
    say("off", "Not live: trying to reconnect");
    timer = setTimeout(open, wait);
    wait = Math.min(wait * 2, 30_000);
  };
  const put = (element, words) => {
    if (!element || element.textContent === words) return false;
    element.textContent = words;
    return true;
  };
  const age = (at) => {
    const seconds = Math.max(0, Math.floor((Date.now() - at) / 1000));
    const minutes = Math.floor(seconds / 60);
    const hours = Math.floor(minutes / 60);
    const days = Math.floor(hours / 24);
    if (seconds < 60) return seconds + " s";
    if (minutes < 60) return minutes + " min";
    if (hours < 48) return hours + " h";
    return days + " d";
  };
  const ages = () => {
    for (const time of document.querySelectorAll("time[data-age]")) {
      const at = Date.parse(time.dateTime);
      if (!Number.isNaN(at)) put(time, age(at));
    }
  };
  const verdict = (element, value) => {
    for (const part of [element, ...element.querySelectorAll("[data-verdict]")]) part.dataset.verdict = value;
  };
  const flash = (element) => {
    element.classList.remove("changed");
    void element.offsetWidth;
    element.classList.add("changed");
  };
  const row = (one) => {
    for (const line of document.querySelectorAll("[data-node]")) {
      if (line.dataset.node !== one.id) continue;
      let other = line.dataset.verdict !== one.verdict;
      verdict(line, one.verdict);
      for (const [field, words] of Object.entries(one.fields)) {
        const cell = line.querySelector('[data-field="' + field + '"]');
        const changed = put(cell, words);
        if (changed && field === "word") other = true;
      }
      for (const [field, at] of Object.entries(one.times)) {
        const cell = line.querySelector('[data-field="' + field + '"]');
        if (cell && at) { cell.setAttribute("datetime", at); cell.dataset.age = ""; }
      }
      ages();
      if (other) {
        flash(line);
        if (announce && Date.now() - spoken > 5_000) {
          spoken = Date.now();
          announce.textContent = one.name + " is now " + one.fields.word;
        }
      }
    }
  };
  const tally = (counts) => {
    for (const [name, count] of Object.entries(counts)) {
      for (const place of document.querySelectorAll('[data-count="' + name + '"]')) {
        put(place, String(count));
        const item = place.closest("li");
        if (item) item.classList.toggle("none", count === 0);
      }
    }
    const gauge = document.querySelector(".gauge");
    if (gauge && counts.nodes > 0) {
      let left = 0;
      for (const part of gauge.querySelectorAll("rect")) {
        const width = (1000 * (counts[part.dataset.verdict] || 0)) / counts.nodes;
        part.setAttribute("x", left.toFixed(2));
        part.setAttribute("width", width.toFixed(2));
        left += width;
      }
    }
  };
  const read = (event, use) => {
    alive();
    let value;
    try { value = JSON.parse(event.data); } catch { return; }
    use(value);
  };
  const open = () => {
    source = new EventSource(path);
    timer = setTimeout(again, silence);
    source.addEventListener("open", alive);
    source.addEventListener("beat", alive);
    source.addEventListener("row", (event) => read(event, row));
    source.addEventListener("tally", (event) => read(event, tally));
    source.addEventListener("moved", (event) => read(event, (value) => {
      if (moved) moved.hidden = !value.moved;
    }));
    source.addEventListener("bye", () => { clearTimeout(timer); source.close(); open(); });
    source.addEventListener("error", again);
  };
  say("off", "Not live yet");
  setInterval(ages, 10_000);
  // The page is painted first: it was drawn a moment ago.
  requestAnimationFrame(() => setTimeout(open));
  window.addEventListener("pagehide", () => { clearTimeout(timer); if (source) source.close(); });
  window.addEventListener("pageshow", (event) => { if (event.persisted) again(); });
})();
