// Keeps an incident's page in step for all who have it open: asks for what moves as soon as the server says so.
(() => {
  const box = document.querySelector("[data-live]");
  if (!box || !("EventSource" in window)) return;
  const here = document.querySelector("[data-here]");
  let source = null;
  const moved = () => window.htmx?.trigger(box, "moved");
  const listen = () => {
    source = new EventSource(box.dataset.live);
    source.addEventListener("moved", moved);
    source.addEventListener("here", (event) => {
      const others = JSON.parse(event.data).filter((who) => who !== here.dataset.here);
      here.hidden = !others.length;
      here.lastElementChild.textContent = `${others.join(", ")} ${others.length > 1 ? "look" : "looks"} at this too`;
    });
    source.onopen = () => { box.dataset.listening = "yes"; };
    source.onerror = () => { delete box.dataset.listening; };
  };
  const stop = () => { source?.close(); source = null; };
  // A page that nobody looks at holds no connection; what was missed is asked for on return.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return stop();
    if (!source) { listen(); moved(); }
  });
  window.addEventListener("pagehide", stop);
  window.addEventListener("load", listen);
})();
