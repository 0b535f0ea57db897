// Live chat in a customer's page:
//   <script src="https://GOLIVE/static/support/chat.js" data-project="acme" data-payload="…" data-signature="…" async></script>
// Payload and signature come from the page's own server (docs/guide/support.md). Everything lives in a shadow root.
(() => {
  const script = document.currentScript
  const { project, payload, signature, label = "Chat with us" } = script.dataset
  const base = new URL(`/support/${encodeURIComponent(project)}/chat/`, script.src).href
  const look = `
    :host { all: initial; position: fixed; right: 1rem; bottom: 1rem; z-index: 2147483000; font: 15px/1.4 system-ui, sans-serif; color: light-dark(#1d2430, #e6e9ee); color-scheme: light dark }
    button { font: inherit; font-weight: 600; border: 0; border-radius: 999px; padding: .6rem 1.1rem; cursor: pointer; background: light-dark(#1f2a3d, #dfe5ee); color: light-dark(#fff, #12161c) }
    section { display: flex; flex-direction: column; width: min(22rem, calc(100vw - 2rem)); height: min(28rem, calc(100vh - 6rem)); margin-bottom: .5rem; border: 1px solid light-dark(#c9d0da, #3a424e); border-radius: 10px; background: light-dark(#fff, #12161c); overflow: hidden }
    section[hidden] { display: none }
    ol { flex: 1; margin: 0; padding: .75rem; list-style: none; overflow-y: auto }
    li { max-width: 85%; width: fit-content; margin: 0 0 .5rem; padding: .45rem .7rem; border-radius: 10px; white-space: pre-wrap; overflow-wrap: anywhere; background: light-dark(#eef1f5, #242b35) }
    li.mine { margin-left: auto; background: light-dark(#dbe6f7, #27405f) }
    p { margin: 0; padding: .4rem .75rem; color: light-dark(#a3121f, #ff8a8f) }
    p:empty { display: none }
    form { display: flex; gap: .5rem; padding: .6rem; border-top: 1px solid light-dark(#c9d0da, #3a424e) }
    input { flex: 1; min-width: 0; font: inherit; padding: .45rem .6rem; border: 1px solid light-dark(#c9d0da, #3a424e); border-radius: 6px; background: transparent; color: inherit }`

  const host = document.createElement("div")
  const root = host.attachShadow({ mode: "open" })
  const sheet = new CSSStyleSheet()
  sheet.replaceSync(look)
  root.adoptedStyleSheets = [sheet]
  root.innerHTML = `<section hidden role="dialog"><ol aria-live="polite"></ol><p role="alert"></p><form><input required maxlength="20000" autocomplete="off"><button>Send</button></form></section><button aria-expanded="false"></button>`
  const [panel, list, problem, form, field] = ["section", "ol", "p", "form", "input"].map((name) => root.querySelector(name))
  const opener = root.lastElementChild
  panel.setAttribute("aria-label", label)
  field.setAttribute("aria-label", "Your message")
  opener.textContent = label
  document.body.append(host)

  let session = null
  let beginning = null
  let last = 0
  let timer = null

  const call = async (path, options = {}) => {
    const headers = { ...(session && { Authorization: `Bearer ${session}` }), ...(options.body && { "Content-Type": "application/json" }) }
    const answer = await fetch(base + path, { ...options, headers, credentials: "omit" })
    const found = await answer.json()
    if (!answer.ok) throw new Error(found.error || "Chat does not answer.")
    return found
  }
  const show = ({ messages }) => {
    for (const said of messages) {
      if (said.id <= last) continue
      last = said.id
      const line = document.createElement("li")
      line.className = said.mine ? "mine" : ""
      line.textContent = said.text
      list.append(line)
      list.scrollTop = list.scrollHeight
    }
  }
  const attempt = async (work) => {
    try {
      show(await work())
      problem.textContent = ""
    } catch (error) {
      problem.textContent = error.message
    }
  }
  // Once, however many ask: who sends before the answer is there waits for it with their message.
  const begin = () =>
    (beginning ??= call("", { method: "POST", body: JSON.stringify({ payload, signature }) })
      .then((found) => {
        session = found.session
        return found
      })
      .finally(() => (beginning = null)))
  const poll = () => attempt(() => (session ? call(`messages/?after=${last}`) : begin()))

  opener.addEventListener("click", () => {
    panel.hidden = !panel.hidden
    opener.setAttribute("aria-expanded", String(!panel.hidden))
    opener.textContent = panel.hidden ? label : "Close"
    clearInterval(timer)
    if (!panel.hidden) {
      poll()
      timer = setInterval(poll, 3000)
      field.focus()
    }
  })
  form.addEventListener("submit", (event) => {
    event.preventDefault()
    const text = field.value
    field.value = ""
    attempt(async () => {
      if (!session) show(await begin())
      return call(`messages/?after=${last}`, { method: "POST", body: JSON.stringify({ text }) })
    }).then(() => {
      if (problem.textContent) field.value = text
    })
  })
})()
