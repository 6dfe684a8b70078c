// What a person could not read or reach on the page as it is shown now, as a list of sentences.
(() => {
  const light = ([r, g, b]) => {
    const part = (c) => (c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const colour = (text) => {
    const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
    return [r, g, b, a];
  };
  const over = (top, ground, alpha) => ground.map((c, i) => top[i] * alpha + c * (1 - alpha));
  const ground = (element) => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) layers.unshift(colour(getComputedStyle(e).backgroundColor));
    return layers.reduce((below, layer) => over(layer, below, layer[3]), [255, 255, 255]);
  };
  const ratio = (element, style) => {
    const below = ground(element);
    const ink = colour(style.color);
    const [high, low] = [light(over(ink, below, ink[3])), light(below)].sort((x, y) => y - x);
    return (high + 0.05) / (low + 0.05);
  };
  const shown = (element) => element.getClientRects().length > 0;
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim() || !shown(element) || element.closest(":disabled")) continue;
    const contrast = ratio(element, getComputedStyle(element));
    if (contrast < 4.5) found.push(`contrast ${contrast.toFixed(2)}: ${node.textContent.trim()}`);
  }
  for (const field of document.querySelectorAll("input[placeholder]")) {
    const contrast = ratio(field, getComputedStyle(field, "::placeholder"));
    if (contrast < 4.5) found.push(`contrast ${contrast.toFixed(2)}: placeholder of ${field.id}`);
  }
  for (const control of document.querySelectorAll("button, input, select, [tabindex]")) {
    const box = control.getBoundingClientRect();
    if (shown(control) && (box.width < 24 || box.height < 24)) found.push(`too small: ${control.id}`);
  }
  if (document.documentElement.scrollWidth > innerWidth) found.push("it scrolls sideways");
  if (document.getAnimations().length) found.push("something moves by itself");
  return found;
})()
