// The pictures of the README: the choices and a desk of the demo, made from the real thing.
// Usage: node scripts/screenshot.mjs http://127.0.0.1:3000 (a demo that is running)
import { chromium } from "@playwright/test";
import path from "node:path";

const base = process.argv[2] ?? "http://127.0.0.1:3000";
const docs = path.resolve(import.meta.dirname, "../../docs/pictures");
const browser = await chromium.launch({
  executablePath: process.env.NOREN_CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
});

async function shot(name, options, go) {
  const context = await browser.newContext({ locale: "en-GB", ...options });
  const page = await context.newPage();
  await go(page);
  await page.screenshot({ path: path.join(docs, `${name}.png`) });
  await context.close();
}

const choices = async (page) => {
  await page.goto(base);
  await page.locator("html[data-hydrated]").waitFor({ state: "attached" });
  await page.locator("li[data-offer]").first().waitFor();
};

const desk = async (page) => {
  const signIn = await page.request.post(`${base}/api/account/sign_in`, {
    form: { email: "mina@demo.noren.example", password: "demo demo demo 42" },
    headers: { accept: "application/json" },
  });
  if (!signIn.ok()) throw new Error("the demo's provider could not sign in: is this a demo?");
  await page.goto(`${base}/desk`);
  await page.locator('[data-line="open"]').waitFor();
  await page.request.post(`${base}/api/presence/go_online`, { form: { minutes: "120" }, headers: { accept: "application/json" } });
  await page.getByRole("button", { name: "Go offline" }).waitFor();
};

await shot("choices", { viewport: { width: 1280, height: 900 } }, choices);
await shot("choices-phone", { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, colorScheme: "dark" }, choices);
await shot("desk-phone", { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 }, desk);
await browser.close();
