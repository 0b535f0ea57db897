// Subscribes this browser to pushed pages, on the page "How you are reached".
(() => {
  const box = document.querySelector("[data-push]");
  if (!box) return;
  const button = box.querySelector("button");
  const words = box.querySelector("[data-push-words]");
  const say = (text) => { words.textContent = text; };
  if (!("serviceWorker" in navigator) || !("PushManager" in window)) {
    button.disabled = true;
    return say("This browser cannot be pushed to here. It takes HTTPS; on an iPhone, add golive to the home screen first.");
  }
  const bytes = (text) => {
    const raw = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(raw, (letter) => letter.charCodeAt(0));
  };
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      const worker = await navigator.serviceWorker.register("/worker.js", { scope: "/" });
      await navigator.serviceWorker.ready;
      if (await Notification.requestPermission() !== "granted") throw new Error("Notifications are not allowed for golive in this browser.");
      const subscription = await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(box.dataset.push) });
      const form = box.querySelector("form");
      form.elements.subscription.value = JSON.stringify(subscription);
      form.requestSubmit();
    } catch (error) {
      say(error.message || "It did not work.");
      button.disabled = false;
    }
  });
})();
