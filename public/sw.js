// Noren's service worker. It keeps the files whose name or build fixes their content, and one page that says when there is no line.
// Never pages, /api or /live: who is open now is known to the server alone.

const BUILD = "__NOREN_BUILD__"; // set by `cargo xtask build`: another build is another worker
const CACHE = `noren-cache:${BUILD}`;
const OFFLINE = "/offline.html";
const KEPT = [OFFLINE, "/offline.css", "/icon.svg", "/icon-192.png", "/icon-512.png", "/icon-maskable-512.png", "/apple-touch-icon.png"];

self.addEventListener("install", (event) => {
  // "reload" passes by the HTTP cache, which may hold the files of an older build. No skipWaiting: the page asks its reader first.
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(KEPT.map((path) => new Request(path, { cache: "reload" })))));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      for (const name of await caches.keys()) {
        if (name.startsWith("noren-cache:") && name !== CACHE) await caches.delete(name);
      }
      // The request for a page starts together with this worker, not after it.
      await self.registration.navigationPreload?.enable();
      await self.clients.claim();
    })(),
  );
});

self.addEventListener("message", (event) => {
  if (event.data === "SKIP_WAITING" || event.data?.type === "SKIP_WAITING") self.skipWaiting();
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (request.mode === "navigate") event.respondWith(page(event));
  else if (url.pathname.startsWith("/pkg/") || KEPT.includes(url.pathname)) event.respondWith(asset(request));
});

async function page(event) {
  try {
    return (await event.preloadResponse) ?? (await fetch(event.request));
  } catch {
    return (await caches.match(OFFLINE)) ?? Response.error();
  }
}

async function asset(request) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request);
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.status === 200 && new URL(request.url).pathname.startsWith("/pkg/")) await cache.put(request, answer.clone());
  return answer;
}

// A ring that was shown outside the page leads back to it, or to a new one.
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const path = event.notification.data;
  event.waitUntil(
    (async () => {
      const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
      await (pages.length > 0 ? pages[0].focus() : self.clients.openWindow(path));
    })(),
  );
});
