// What every page does: keyboard, copying, relative times, menus. No inline script anywhere (CSP).
(() => {
  const THIN = "\u202f";
  const typing = (target) => target.closest?.("input, textarea, select, [contenteditable]");

  // Keyboard: "/" searches, "g" then a letter goes, "?" helps, j/k walk through rows.
  let waiting = 0;
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && typing(event.target)) return event.target.blur();
    if (typing(event.target) || document.querySelector("dialog[open]")) return;
    if (waiting) {
      clearTimeout(waiting);
      waiting = 0;
      const link = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
      if (link) { event.preventDefault(); link.click(); }
      return;
    }
    if (event.key === "g") waiting = setTimeout(() => { waiting = 0; }, 1500);
    else if (event.key === "/") {
      const field = document.querySelector("[data-search-here]") || document.querySelector("[data-search]");
      if (!field) return;
      event.preventDefault();
      document.querySelector("[data-sidebar]")?.classList.add("open");
      field.focus();
      field.select();
    } else if (event.key === "?") help();
    else if (event.key === "j" || event.key === "k") {
      const rows = [...document.querySelectorAll("main tbody tr a[href]:first-of-type")];
      if (!rows.length) return;
      const next = rows.indexOf(document.activeElement) + (event.key === "j" ? 1 : -1);
      rows[Math.max(0, Math.min(rows.length - 1, next))].focus();
    }
  });
  const help = () => document.getElementById("keyboard-help")?.showModal();

  document.addEventListener("click", async (event) => {
    const target = event.target;
    if (!target.closest) return;
    document.querySelectorAll("details[data-closes][open]").forEach((menu) => {
      if (!menu.contains(target)) menu.open = false;
    });
    if (target.closest("[data-keyboard-help]")) return help();
    const toggle = target.closest("[data-sidebar-toggle]");
    if (toggle) {
      const open = toggle.closest("[data-sidebar]").classList.toggle("open");
      return toggle.setAttribute("aria-expanded", String(open));
    }
    const copy = target.closest("[data-copy], [data-copy-from]");
    if (copy) {
      const source = copy.dataset.copyFrom && document.getElementById(copy.dataset.copyFrom);
      const text = source ? source.textContent : copy.dataset.copy;
      const done = await put(text);
      copy.classList.toggle("copied", done);
      announce(done ? "Copied" : "Copying is not allowed here: select the text instead");
      setTimeout(() => copy.classList.remove("copied"), 1500);
    }
  });

  // A page served over plain HTTP on another machine has no clipboard interface: fall back to a selection.
  const put = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const field = document.createElement("textarea");
      field.value = text;
      document.body.append(field);
      field.select();
      const done = document.execCommand("copy");
      field.remove();
      return done;
    }
  };
  let voice;
  const announce = (text) => {
    if (!voice) {
      voice = document.createElement("div");
      voice.className = "toast-line";
      voice.setAttribute("role", "status");
      document.body.append(voice);
    }
    voice.textContent = text;
    voice.classList.add("shown");
    clearTimeout(announce.timer);
    announce.timer = setTimeout(() => voice.classList.remove("shown"), 1800);
  };

  // Forms: a dangerous one asks in its own words; a submitted one is not sent twice.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    const question = event.submitter?.dataset.confirm || form.dataset.confirm;
    if (question && !confirm(question)) return event.preventDefault();
    if (form.method === "post" && !form.hasAttribute("hx-post")) {
      if (form.dataset.sent) return event.preventDefault();
      form.dataset.sent = "1";
      setTimeout(() => delete form.dataset.sent, 4000);
    }
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches?.("[data-submits]")) event.target.form?.requestSubmit();
  });

  // Tabs: click, or arrow keys while one has the focus.
  const choose = (tab) => {
    tab.closest("[role=tablist]").querySelectorAll("[role=tab]").forEach((other) => {
      const chosen = other === tab;
      other.setAttribute("aria-selected", String(chosen));
      other.tabIndex = chosen ? 0 : -1;
      document.getElementById(other.getAttribute("aria-controls")).hidden = !chosen;
    });
    tab.focus();
  };
  document.addEventListener("click", (event) => {
    const tab = event.target.closest?.("[role=tab][aria-controls]");
    if (tab) choose(tab);
  });
  document.addEventListener("keydown", (event) => {
    const tab = event.target.closest?.("[role=tab][aria-controls]");
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!tab || !step) return;
    const tabs = [...tab.closest("[role=tablist]").querySelectorAll("[role=tab]")];
    choose(tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length]);
  });

  // A page nobody looks at asks for nothing.
  document.addEventListener("htmx:beforeRequest", (event) => {
    const trigger = event.detail.requestConfig?.triggeringEvent;
    if (document.hidden && !trigger) event.preventDefault();
  });

  // Times.
  const ago = (then) => {
    const seconds = (Date.now() - then) / 1000;
    const size = Math.abs(seconds);
    if (size < 5) return "just now";
    const [unit, name] = size < 60 ? [1, "s"] : size < 3600 ? [60, "min"] : size < 86400 ? [3600, "h"]
      : size < 5184000 ? [86400, "d"] : [2592000, "months"];
    const said = `${Math.floor(size / unit)}${THIN}${name}`;
    return seconds > 0 ? `${said} ago` : `in ${said}`;
  };
  const two = (n) => String(n).padStart(2, "0");
  const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const styles = {
    minute: (d) => `${two(d.getDate())} ${months[d.getMonth()]} ${two(d.getHours())}:${two(d.getMinutes())}`,
    second: (d) => `${styles.minute(d)}:${two(d.getSeconds())}`,
    milli: (d) => `${styles.clock(d)}.${String(d.getMilliseconds()).padStart(3, "0")}`,
    clock: (d) => `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`,
    day: (d) => `${two(d.getDate())} ${months[d.getMonth()]} ${d.getFullYear()}`,
  };
  const times = (root = document) => {
    root.querySelectorAll("time[data-ago]").forEach((node) => {
      const said = ago(new Date(node.dateTime).getTime());
      if (node.textContent !== said) node.textContent = said;
    });
    root.querySelectorAll("time[data-at]").forEach((node) => {
      const then = new Date(node.dateTime);
      const said = (styles[node.dataset.at] || styles.minute)(then);
      if (node.textContent !== said) node.textContent = said;
      if (!node.dataset.zoned) {
        node.dataset.zoned = "1";
        node.title = `${then.toLocaleString()} · ${then.toISOString().replace("T", " ").slice(0, 19)} UTC`;
      }
    });
  };
  times();
  setInterval(times, 5000);
  document.addEventListener("htmx:afterSwap", (event) => times(event.target.parentElement || document));

  // What could not be refreshed says so instead of looking fresh.
  document.addEventListener("htmx:sendError", (event) => event.target.classList.add("stale"));
  document.addEventListener("htmx:responseError", (event) => event.target.classList.add("stale"));
  document.addEventListener("htmx:afterOnLoad", (event) => event.target.classList.remove("stale"));
})();
