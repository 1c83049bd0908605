// Draws every picture of the icon from public/icon.svg: `npm run icons` in end2end.

import { readFile, writeFile } from "node:fs/promises";
import { chromium } from "@playwright/test";

const folder = new URL("../../public/", import.meta.url);
const svg = await readFile(new URL("icon.svg", folder), "utf8");
const paper = /<rect[^>]*fill="(#[0-9a-f]{6})"/.exec(svg)[1];

// Phones cut a maskable icon to a circle of 80 % of its width, and Apple rounds the corners itself: both need the paper to the edge.
const pictures = [
  { name: "icon-192.png", size: 192 },
  { name: "icon-512.png", size: 512 },
  { name: "icon-maskable-512.png", size: 512, ground: paper, scale: 0.84 },
  { name: "apple-touch-icon.png", size: 180, ground: paper },
  { name: "favicon.ico", size: 32, ico: true },
];

const browser = await chromium.launch({ executablePath: process.env.NOREN_CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
for (const { name, size, ground = "transparent", scale = 1, ico = false } of pictures) {
  const page = await browser.newPage({ viewport: { width: size, height: size } });
  const style = `margin:0;display:grid;place-items:center;height:100vh;background:${ground}`;
  await page.setContent(`<body style="${style}">${svg.replace(/width="512" height="512" role/, `width="${size * scale}" height="${size * scale}" role`)}`);
  const png = await page.screenshot({ omitBackground: true });
  await writeFile(new URL(name, folder), ico ? icon(png, size) : png);
  await page.close();
}
await browser.close();

/** An .ico of one picture: a header, one entry, the PNG. */
function icon(png, size) {
  const head = Buffer.alloc(22);
  head.writeUInt16LE(1, 2); // an icon
  head.writeUInt16LE(1, 4); // of one picture
  head.writeUInt8(size, 6);
  head.writeUInt8(size, 7);
  head.writeUInt16LE(1, 10); // colour planes
  head.writeUInt16LE(32, 12); // bits a pixel
  head.writeUInt32LE(png.length, 14);
  head.writeUInt32LE(head.length, 18);
  return Buffer.concat([head, png]);
}
