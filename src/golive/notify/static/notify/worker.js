// The service worker of the installed console: shows pushed pages, opens what they are about. Caches nothing.
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("push", (event) => {
  let told = {};
  try { told = event.data.json(); } catch { told = { title: "golive", body: "Something needs a look." }; }
  event.waitUntil(self.registration.showNotification(told.title || "golive", {
    body: told.body || "",
    tag: told.tag,
    renotify: Boolean(told.tag && told.urgent),
    requireInteraction: Boolean(told.urgent),
    data: { url: told.url || "/" },
  }));
});
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const url = new URL(event.notification.data?.url || "/", self.location.origin);
  event.waitUntil(self.clients.openWindow(url.origin === self.location.origin ? url.href : "/"));
});
