"use strict";
// Without this script everything is shown. With it chapters fold, rows filter, and details open by a click.
document.documentElement.classList.add("js");

document.addEventListener("DOMContentLoaded", () => {
  const table = document.getElementById("matrix");
  const form = document.getElementById("filters");
  const count = document.getElementById("count");
  const fold = document.getElementById("fold");
  const bodies = [...table.tBodies];
  const clauses = [...table.querySelectorAll("tr.clause")];
  const region = table.parentElement;
  const detailOf = (row) => row.nextElementSibling;
  const linkOf = (row) => row.querySelector("a, button");
  let texts = null; // made by the first search
  let current = null; // the one cell that Tab reaches

  // ---------------------------------------------------------------- chapters

  for (const body of bodies) {
    const head = body.rows[0].cells[0];
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.addEventListener("click", () => setFolded(body, button.getAttribute("aria-expanded") === "true"));
    head.replaceChildren(button);
    button.setAttribute("aria-expanded", "true");
  }

  function setFolded(body, folded) {
    body.classList.toggle("folded", folded);
    linkOf(body.rows[0]).setAttribute("aria-expanded", String(!folded));
    const all = bodies.every((one) => one.classList.contains("folded"));
    fold.textContent = all ? "Unfold chapters" : "Fold chapters";
  }

  fold.addEventListener("click", () => {
    const folded = !bodies.every((body) => body.classList.contains("folded"));
    for (const body of bodies) setFolded(body, folded);
  });

  // ----------------------------------------------------------------- details

  for (const row of clauses) {
    linkOf(row).setAttribute("aria-expanded", "false");
  }

  function columnOf(cell) {
    return cell.tagName === "TH" || cell.className === "words" ? null : cell.cellIndex - 1;
  }

  function open(row, column) {
    const detail = detailOf(row);
    for (const section of detail.querySelectorAll("section[data-columns]")) {
      section.hidden = column !== null && !section.dataset.columns.split(" ").includes(String(column));
    }
    for (const pre of detail.querySelectorAll("pre")) addCopyButton(pre);
    detail.classList.add("open");
    detail.dataset.column = String(column);
    linkOf(row).setAttribute("aria-expanded", "true");
    history.replaceState(null, "", `#${row.id}`);
  }

  function close(row) {
    detailOf(row).classList.remove("open");
    linkOf(row).setAttribute("aria-expanded", "false");
  }

  function toggle(row, column) {
    const detail = detailOf(row);
    const shown = detail.classList.contains("open") && detail.dataset.column === String(column);
    if (shown) close(row);
    else open(row, column);
  }

  function addCopyButton(pre) {
    if (pre.previousElementSibling?.className === "copy") return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      button.textContent = (await copied(pre)) ? "Copied" : "Press Ctrl+C";
      setTimeout(() => (button.textContent = "Copy"), 2000);
    });
    button.setAttribute("aria-live", "polite");
    pre.before(button);
  }

  async function copied(pre) {
    try {
      await navigator.clipboard.writeText(pre.textContent);
      return true;
    } catch {
      getSelection().selectAllChildren(pre); // a page that may not write there: select, for the reader's own key
      return false;
    }
  }

  table.addEventListener("click", (event) => {
    const cell = event.target.closest("tr.clause > td, tr.clause > th");
    if (!cell) return;
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    focusCell(cell);
    toggle(cell.parentElement, columnOf(cell));
  });

  // ---------------------------------------------------------------- keyboard

  const targetOf = (cell) => cell.querySelector("a, button") ?? cell;

  function focusCell(cell) {
    const next = targetOf(cell);
    if (current) current.tabIndex = -1;
    next.tabIndex = 0;
    current = next;
    next.focus();
    uncover(cell);
  }

  // The header and the names of clauses stay where they are, and what is scrolled to can lie below them.
  function uncover(cell) {
    const corner = table.tHead.rows[0].cells[0].getBoundingClientRect();
    const box = cell.getBoundingClientRect();
    if (box.top < corner.bottom) region.scrollTop -= corner.bottom - box.top;
    if (cell.cellIndex > 0 && box.left < corner.right) region.scrollLeft -= corner.right - box.left;
  }

  function visibleRows() {
    const rows = [];
    for (const body of bodies) {
      if (body.hidden) continue;
      rows.push(body.rows[0]);
      if (body.classList.contains("folded")) continue;
      for (const row of body.rows) if (row.classList.contains("clause") && !row.hidden) rows.push(row);
    }
    return rows;
  }

  for (const row of table.querySelectorAll("tr.clause, tr.chapter")) linkOf(row).tabIndex = -1;

  function ensureCurrent() {
    if (current?.isConnected && current.offsetParent) return;
    if (current) current.tabIndex = -1;
    const first = visibleRows()[0];
    current = first ? targetOf(first.cells[0]) : null;
    if (current) current.tabIndex = 0;
  }

  const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

  table.addEventListener("keydown", (event) => {
    const inside = event.target.closest("tr.detail");
    const row = inside ? inside.previousElementSibling : event.target.closest("tr.clause, tr.chapter");
    if (!row) return;
    if (event.key === "Escape" && row.classList.contains("clause")) {
      close(row);
      focusCell(row.cells[0]);
    } else if (!inside && (event.key in STEPS || event.key === "Home" || event.key === "End")) {
      const rows = visibleRows();
      const [down, right] = STEPS[event.key] ?? [0, 0];
      const next = rows[rows.indexOf(row) + down] ?? row;
      const column = event.target.closest("td, th").cellIndex;
      const last = next.cells.length - 1;
      const at = event.key === "Home" ? 0 : event.key === "End" ? last : column + right;
      focusCell(next.cells[Math.max(0, Math.min(last, at))]);
      event.preventDefault();
    } else if (!inside && event.key === "Enter" && event.target.matches("tr.clause > td")) {
      toggle(row, columnOf(event.target));
      event.preventDefault();
    }
  });

  // ----------------------------------------------------------------- filters

  function matches(row, index, wanted) {
    const data = row.dataset;
    return (
      wanted.levels.has(data.level) &&
      (!wanted.chapter || row.parentElement.dataset.chapter === wanted.chapter) &&
      (!wanted.profile || data.profile === wanted.profile) &&
      (!wanted.verdict || data.words.split("|").includes(wanted.verdict)) &&
      (!wanted.differs || "differs" in data) &&
      (!wanted.text || texts[index].includes(wanted.text))
    );
  }

  function filter() {
    const data = new FormData(form);
    const wanted = {
      levels: new Set(data.getAll("level")),
      chapter: data.get("chapter"),
      profile: data.get("profile"),
      verdict: data.get("verdict"),
      differs: data.has("differs"),
      text: data.get("text").trim().toLowerCase(),
    };
    if (wanted.text) texts ??= clauses.map((row) => (row.textContent + detailOf(row).textContent).toLowerCase());
    let shown = 0;
    clauses.forEach((row, index) => {
      row.hidden = !matches(row, index, wanted);
      detailOf(row).hidden = row.hidden;
      shown += !row.hidden;
    });
    for (const body of bodies) {
      body.hidden = ![...body.rows].some((row) => row.classList.contains("clause") && !row.hidden);
    }
    count.textContent = `${shown} of ${clauses.length} clauses`;
    ensureCurrent();
  }

  form.addEventListener("input", () => {
    for (const body of bodies) setFolded(body, false); // what is found is shown
    filter();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter)); // the fields are reset after the event

  // -------------------------------------------------------------- deep links

  function follow() {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const row = target?.closest("tr.clause, tr.chapter");
    if (!row) return;
    if (row.hidden || row.parentElement.hidden) {
      form.reset();
      filter();
    }
    setFolded(row.parentElement, false);
    if (row.classList.contains("clause")) open(row, null);
    row.scrollIntoView();
    focusCell(row.cells[0]);
  }

  addEventListener("hashchange", follow);
  filter(); // a browser may have kept the fields of an earlier visit
  follow();
  addEventListener("load", () => setTimeout(follow)); // the browser takes the focus away when it goes to the fragment itself
});
