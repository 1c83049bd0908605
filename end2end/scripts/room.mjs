// From the tap on "Accept" until each side sees the other: `node scripts/room.mjs URL RUNS`, a JSON object a run on standard output.
// The baseline is the least that WebRTC takes on this machine: two connections in one page that hand each other their descriptions.
import { chromium } from '@playwright/test';

const [base, runs] = [process.argv[2], Number(process.argv[3])];
const browser = await chromium.launch({
  executablePath: process.env.NOREN_CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
    '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
  ],
});

async function person(name) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  const api = async (path, form = {}) => {
    const answer = await context.request.post(`${base}/api/${path}`, { form, headers: { accept: 'application/json' } });
    if (!answer.ok()) throw new Error(`${path}: ${answer.status()} ${await answer.text()}`);
    return answer.json();
  };
  await api('account/sign_up', { display_name: name, email: `${name.toLowerCase()}@bench.example.org`, password: 'a bench is not a bank' });
  await api('wallet/top_up', { amount: '100', currency: 'EUR' });
  const goto = async (path) => {
    await page.goto(base + path);
    await page.locator('html[data-hydrated]').waitFor({ state: 'attached' });
  };
  return { page, api, goto };
}

/** The moments, by the one clock of the machine, at which a page shows a frame of the other side and says that the consultation is live. */
const arrived = (page) =>
  page.evaluate(
    () =>
      new Promise((done) => {
        const seen = {};
        const look = () => {
          const video = document.querySelector('video.theirs');
          if (video?.getVideoPlaybackQuality().totalVideoFrames > 0) seen.frame ??= Date.now();
          if (document.querySelector('.room')?.dataset.stage === 'live') seen.live ??= Date.now();
          if (seen.frame && seen.live) done(seen);
          else setTimeout(look, 4);
        };
        look();
      }),
  );

async function consultation(ana, ben, offer) {
  await ana.goto('/desk');
  await ana.page.locator('[data-line="open"]').waitFor();
  const { consultation } = await ben.api('consultations/request', { offer, medium: 'video', question: 'How long does it take?' });
  await ben.goto(`/consultations/${consultation}`);
  await ben.page.getByText('Ana sees your request.').waitFor();
  const accept = ana.page.getByRole('alertdialog').getByRole('button', { name: 'Accept' });
  await accept.waitFor();
  const began = await accept.evaluate((button) => (button.click(), Date.now()));
  const sides = await Promise.all([ana, ben].map(({ page }) => arrived(page)));
  await ben.api('consultations/end', { consultation });
  const last = (what) => Math.max(...sides.map((side) => side[what])) - began;
  return { frame: last('frame'), live: last('live') };
}

/** The same pictures and sound between two connections in one page. */
const floor = (page) =>
  page.evaluate(async () => {
    const began = Date.now();
    const sides = [new RTCPeerConnection(), new RTCPeerConnection()];
    const streams = [];
    const frames = sides.map((side, at) => {
      side.onicecandidate = ({ candidate }) => candidate && sides[1 - at].addIceCandidate(candidate);
      const video = document.createElement('video');
      video.muted = true;
      document.body.append(video);
      return new Promise((done) => {
        side.ontrack = ({ streams: [stream] }) => {
          video.srcObject = stream;
          video.play();
        };
        const look = () => (video.getVideoPlaybackQuality().totalVideoFrames > 0 ? (video.remove(), done(Date.now())) : setTimeout(look, 4));
        look();
      });
    });
    for (const side of sides) {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
      streams.push(stream);
      stream.getTracks().forEach((track) => side.addTrack(track, stream));
    }
    const [one, other] = sides;
    await one.setLocalDescription();
    await other.setRemoteDescription(one.localDescription);
    await other.setLocalDescription();
    await one.setRemoteDescription(other.localDescription);
    const last = Math.max(...(await Promise.all(frames)));
    sides.forEach((side) => side.close());
    streams.forEach((stream) => stream.getTracks().forEach((track) => track.stop()));
    return last - began;
  });

const [ana, ben] = [await person('Ana'), await person('Ben')];
const { offer } = await ana.api('offers/register', {
  title: 'Spanish conversation', description: 'At your level, with patience.', category: 'languages', languages: 'en,es', media: 'chat,voice,video', rate_minor: '120', currency: 'EUR', free_seconds: '60',
});
await ana.goto('/desk');
await ana.page.locator('[data-line="open"]').waitFor();
await ana.api('presence/go_online', { minutes: '240' });
const bare = await (await browser.newContext()).newPage();
await bare.goto(`${base}/healthz`);
for (let run = 0; run < runs; run += 1) console.log(JSON.stringify({ ...(await consultation(ana, ben, offer)), floor: await floor(bare) }));
await browser.close();
