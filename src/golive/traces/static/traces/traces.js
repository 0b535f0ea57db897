// Waterfall: spans fold, and open their details.
(() => {
  const rows = [...document.querySelectorAll(".wf-row")];
  const depth = (row) => Number(row.dataset.depth);
  const below = (row) => {
    const found = [];
    for (let next = row.nextElementSibling; next && depth(next) > depth(row); next = next.nextElementSibling) found.push(next);
    return found;
  };
  const fold = (button) => {
    const row = button.closest(".wf-row"), open = button.getAttribute("aria-expanded") !== "true";
    button.setAttribute("aria-expanded", String(open));
    let closedAt = Infinity;
    below(row).forEach((next) => {
      if (depth(next) <= closedAt) closedAt = Infinity;
      next.hidden = !open || depth(next) > closedAt;
      const inner = next.querySelector(".wf-fold");
      if (closedAt === Infinity && inner?.getAttribute("aria-expanded") === "false") closedAt = depth(next);
    });
  };
  const open = (row) => {
    const button = row.querySelector(".wf-open"), shown = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!shown));
    row.classList.toggle("chosen", !shown);
    let place = row.querySelector(".wf-place");
    if (!place) {
      place = document.createElement("div");
      place.className = "wf-place";
      place.innerHTML = '<span class="skeleton skeleton-line"></span>';
      row.append(place);
      htmx.ajax("GET", row.dataset.load, { target: place, swap: "innerHTML" });
    }
    place.hidden = shown;
  };
  document.addEventListener("click", (event) => {
    const folder = event.target.closest(".wf-fold");
    if (folder) return fold(folder);
    const opener = event.target.closest(".wf-open, .wf-bar, .wf-lane");
    if (opener?.closest("[data-load]")) open(opener.closest("[data-load]"));
  });
  document.addEventListener("DOMContentLoaded", () => {
    const chosen = document.querySelector(".waterfall")?.dataset.chosen;
    const row = chosen && rows.find((one) => one.id === `span-${chosen}`);
    if (row && row.querySelector(".wf-open")) {
      open(row);
      row.scrollIntoView({ block: "center" });
    }
  });
})();
