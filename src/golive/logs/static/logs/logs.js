// Lines open and close; following pauses while one is open, while text is selected, and in a hidden tab.
(() => {
  const toggle = (row) => {
    const button = row.querySelector(".log-open");
    const open = button.getAttribute("aria-expanded") !== "true";
    button.setAttribute("aria-expanded", String(open));
    let details = row.nextElementSibling;
    if (!details?.matches(".log-details")) {
      details = document.createElement("tr");
      details.className = "log-details";
      const cell = details.appendChild(document.createElement("td"));
      cell.colSpan = 4;
      cell.innerHTML = '<span class="skeleton skeleton-line"></span>';
      row.after(details);
      htmx.ajax("GET", `${button.dataset.load}?${row.closest("table").dataset.carried}`, { target: cell, swap: "innerHTML" });
    }
    details.hidden = !open;
  };
  document.addEventListener("click", (event) => {
    const row = event.target.closest(".log-line");
    if (row && !event.target.closest("a") && !String(getSelection())) toggle(row);
  });
  document.addEventListener("keydown", (event) => {
    if (!["ArrowDown", "ArrowUp"].includes(event.key) || !document.activeElement?.matches(".log-open")) return;
    const all = [...document.querySelectorAll(".log-open")];
    all[all.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1)]?.focus();
    event.preventDefault();
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.target.id !== "results") return;
    if (document.hidden || String(getSelection()) || document.querySelector('.log-open[aria-expanded="true"]')) event.preventDefault();
  });
})();
