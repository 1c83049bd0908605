import { defineConfig } from "@playwright/test";

// Every story starts servers of its own (support/): `cargo xtask test --only e2e` builds them and says where they are.
export default defineConfig({
  testDir: "tests",
  outputDir: "test-results",
  fullyParallel: true,
  forbidOnly: true,
  workers: 2,
  retries: 0,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  // Ends with what failed, and why: the end of a long log is what people see.
  reporter: [["dot"], ["json", { outputFile: "test-results/report.json" }]],
  use: {
    locale: "en-GB",
    timezoneId: "UTC",
    // Recording every step costs a tenth of the time; what a failure needs is told by its error and its picture.
    trace: "off",
    screenshot: "only-on-failure",
    launchOptions: {
      executablePath: process.env.NOREN_CHROMIUM ?? "/usr/bin/chromium",
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        // Calls: a beep and a moving picture stand for microphone and camera, and nobody has to allow them.
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        "--auto-select-desktop-capture-source=Entire screen",
      ],
    },
  },
  projects: [
    { name: "desktop", use: { viewport: { width: 1280, height: 800 } } },
    // What takes a minute and looks the same on both is told once.
    { name: "phone", grepInvert: /@once/, use: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true } },
  ],
});
