// SPDX-License-Identifier: MIT
//
// The gallery as a browser's user meets it. By hand, as it wants Debian's chromium and two packages that the build does without:
//
//     mkdir DIR && cd DIR && npm install axe-core puppeteer-core
//     NODE_PATH=DIR/node_modules node gallery.js FOLDER/gallery/index.html...     in mounts, or written by `bookfs export --html`
//
// Each page is looked at from file:// and from a web server on loopback, in light and in dark: nothing on the console, no request
// but to where the page is from, every picture there, axe without a violation, and all of it reached by the keyboard alone. One
// line a page and view; what is wrong below it, and the exit is 1.

'use strict';
const fs = require('fs');
const http = require('http');
const path = require('path');
const puppeteer = require('puppeteer-core');

const TYPES = {'.html': 'text/html; charset=utf-8', '.png': 'image/png', '.jpg': 'image/jpeg', '.webp': 'image/webp'};

// The folder above a page's, as pictures are in ../images/ of a mount and images/ of an export.
function serve(root) {
	return new Promise((done) => {
		const server = http.createServer((asked, answer) => {
			const name = path.join(root, path.normalize(decodeURIComponent(new URL(asked.url, 'http://x').pathname)));
			fs.readFile(name, (error, data) => {
				answer.writeHead(error ? 404 : 200, {'Content-Type': TYPES[path.extname(name)] || 'text/plain'});
				answer.end(error ? '' : data);
			});
		});
		server.listen(0, '127.0.0.1', () => done(server));
	});
}

// What has the focus, said so that it is the same after the page was read anew.
function focused() {
	const e = document.activeElement;
	if (!e || e === document.body)
		return null;
	const box = e.getBoundingClientRect(), look = getComputedStyle(e);
	return {
		top: box.top,
		what: e.tagName + ' ' + (e.getAttribute('href') || e.id || e.textContent),
		seen: box.bottom > 0 && box.top < innerHeight && box.width > 0 && box.left > -1 && box.left < innerWidth,
		marked: look.outlineStyle !== 'none' && parseFloat(look.outlineWidth) >= 2,
	};
}

// Every stop of Tab until the page is left, which in a headless browser is its body.
async function stops(page, key, most) {
	const found = [];
	for (let i = 0; i < most; i++) {
		if (key === 'Shift+Tab') {
			await page.keyboard.down('Shift');
			await page.keyboard.press('Tab');
			await page.keyboard.up('Shift');
		} else {
			await page.keyboard.press(key);
		}
		const stop = await page.evaluate(focused);
		if (!stop || (found.length && stop.what === found[0].what))
			return found;
		found.push(stop);
	}
	return null;
}

async function keyboard(page, url, wrong) {
	const all = await page.evaluate(() => [...document.querySelectorAll('a[href], button, summary, input')].map(
		(e) => e.tagName + ' ' + (e.getAttribute('href') || e.id || e.textContent)));
	const there = await stops(page, 'Tab', all.length + 5);
	if (!there)
		return wrong.push('Tab never leaves the page');
	for (const stop of there)
		if (!stop.seen || !stop.marked)
			wrong.push(`${stop.what} has the focus and ${stop.seen ? 'shows no sign of it' : 'cannot be seen'}`);
	if (there.map((s) => s.what).join('\n') !== all.join('\n'))
		wrong.push(`Tab reaches ${there.length} of ${all.length}`);
	await page.goto(url);
	const back = await stops(page, 'Shift+Tab', all.length + 5);
	if (!back || back.map((s) => s.what).reverse().join('\n') !== all.join('\n'))
		wrong.push('Shift+Tab goes another way than Tab');

	// Links within the page lead to what they name, and Tab goes on from there.
	for (const [href, lands] of [['#plates', '#plates'], ...all.filter((a) => / #chapter_/.test(a)).slice(-1).map((a) => [a.slice(2)])]) {
		await page.goto(url);
		await page.focus(`a[href="${href}"]`);
		await page.keyboard.press('Enter');
		const top = await page.evaluate((h) => document.querySelector(h).getBoundingClientRect().top, href);
		const high = await page.evaluate(() => innerHeight);
		if (top < -5 || top > high)
			wrong.push(`${href} is not shown when its link is followed`);
		if (lands && await page.evaluate(() => '#' + document.activeElement.id) !== lands)
			wrong.push(`${href} has no focus when its link is followed`);
		await page.keyboard.press('Tab');
		if (!await page.evaluate((h) => {
			const e = document.activeElement, to = document.querySelector(h);
			return !to.querySelector('a') || to.contains(e);
		}, href))
			wrong.push(`Tab behind ${href} goes elsewhere`);
	}

	// A picture's link opens the picture; back, it has the focus as before.
	const picture = await page.$('figure a');
	if (picture) {
		await page.goto(url);
		await page.focus('figure a');
		await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
		if (!/\.(png|jpg|webp)$/.test(page.url()))
			wrong.push(`Enter on a picture leads to ${page.url()}`);
		await page.keyboard.press('Escape');
		await Promise.all([page.waitForNavigation(), page.evaluate(() => history.back())]);
		if (page.url() !== url)
			wrong.push(`back leads to ${page.url()}`);
	}
}

// While work goes on the page is read anew, and the reader stays where he is.
async function follows(page, wrong) {
	if (!await page.evaluate(() => document.querySelector('script') !== null))
		return 'still';
	const link = (await page.$$('figure a, nav a')).pop();
	if (link)
		await link.focus();
	await page.evaluate(() => { window.before = true; });
	const was = await page.evaluate(focused);
	await page.waitForFunction(() => !window.before && document.readyState === 'complete', {timeout: 15000});
	const is = await page.evaluate(focused);
	if ((was && was.what) !== (is && is.what))
		wrong.push(`when it is read anew the focus goes from ${was && was.what} to ${is && is.what}`);
	else if (was && Math.abs(was.top - is.top) > 2)
		wrong.push(`when it is read anew what has the focus moves from ${was.top} to ${is.top}`);
	await page.click('#follow');
	await page.evaluate(() => { window.before = true; });
	await new Promise((done) => { setTimeout(done, 5000); });
	if (!await page.evaluate(() => window.before))
		wrong.push('it is read anew when it shall not be');
	return 'follows';
}

async function view(browser, url, scheme, root) {
	const wrong = [], page = await browser.newPage();
	await page.setViewport({width: 1200, height: 760});
	await page.emulateMediaFeatures([{name: 'prefers-color-scheme', value: scheme}]);
	page.on('console', (m) => {
		if (page.url() === url) // a picture alone has the browser ask for an icon
			wrong.push(`console: ${m.type()} ${m.text()} ${m.location().url}`);
	});
	page.on('pageerror', (e) => wrong.push(`script: ${e.message}`));
	page.on('requestfailed', (r) => {
		if (r.failure().errorText !== 'net::ERR_ABORTED') // a page that was left before it was there
			wrong.push(`request: ${r.url()} ${r.failure().errorText}`);
	});
	page.on('request', (r) => {
		if (!r.url().startsWith(root) && !r.url().startsWith('data:'))
			wrong.push(`request: ${r.url()}, and the page is of ${root}`);
	});
	await page.goto(url, {waitUntil: 'load'});
	const pictures = await page.evaluate(async () => {
		const all = [...document.images];
		all.forEach((i) => { i.loading = 'eager'; });
		await Promise.all(all.map((i) => i.decode().catch(() => {})));
		return [all.filter((i) => i.naturalWidth > 0).length, all.length];
	});
	if (pictures[0] !== pictures[1])
		wrong.push(`${pictures[0]} of ${pictures[1]} pictures load`);
	await page.addScriptTag({path: require.resolve('axe-core/axe.min.js')});
	const axe = await page.evaluate(() => axe.run(document, {rules: {'color-contrast-enhanced': {enabled: false}}}));
	for (const v of [...axe.violations, ...axe.incomplete.filter((v) => v.id !== 'color-contrast')])
		wrong.push(`axe: ${v.id}, ${v.nodes.length} times: ${v.help}: ${v.nodes[0].html.slice(0, 100)}`);
	const narrow = await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
	await page.setViewport({width: 320, height: 600}); // WCAG 2.2, 1.4.10
	if (!narrow || !await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth))
		wrong.push('it is wider than the window');
	await page.setViewport({width: 1200, height: 760});
	await page.goto(url, {waitUntil: 'load'});
	if (scheme === 'light')
		await keyboard(page, url, wrong);
	await page.goto(url, {waitUntil: 'load'});
	const state = await follows(page, wrong);
	const links = await page.evaluate(() => document.links.length);
	await page.close();
	console.log(`${url} ${scheme}: ${pictures[1]} pictures, ${links} links, axe ${axe.passes.length} passed, ${state}`);
	for (const fault of new Set(wrong))
		console.log(`    ${fault}`);
	return wrong.length;
}

async function main() {
	const browser = await puppeteer.launch({executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu']});
	let faults = 0;
	for (const name of process.argv.slice(2)) {
		const file = path.resolve(name), root = path.dirname(path.dirname(file));
		const server = await serve(root);
		const origins = [`file://${root}`, `http://127.0.0.1:${server.address().port}`];
		for (const origin of origins)
			for (const scheme of ['light', 'dark'])
				faults += await view(browser, origin + file.slice(root.length), scheme, origin + '/');
		server.close();
	}
	await browser.close();
	return faults ? 1 : 0;
}

main().then((code) => process.exit(code));
