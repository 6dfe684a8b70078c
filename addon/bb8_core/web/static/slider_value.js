// Shows in percent how far a slider stands, beside it and to a screen reader.
export function showPercent(byId, id) {
  const slider = byId(id);
  const percent = `${Math.round((Number(slider.value) / Number(slider.max)) * 100)} %`;
  byId(`${id}-value`).textContent = percent;
  slider.ariaValueText = percent;
}
