// Sliders of what a listener can turn.

/** Makes a slider for each control, and a box for what is on or off. */
export function makeControls(place, described, changed) {
  const inputs = {};
  for (const control of described.list) {
    const made = control.high === 1 && control.step === 1 ? makeBox : makeSlider;
    inputs[control.name] = made(place, control, changed);
  }
  const set = (values) => {
    for (const [name, input] of Object.entries(inputs)) input.set(values[name]);
  };
  set(described.values);
  return {
    values: () => Object.fromEntries(
      Object.entries(inputs).map(([name, input]) => [name, input.get()]),
    ),
    reset() {
      set(described.values);
      changed();
    },
  };
}

function makeSlider(place, { name, title, low, high, step, help, unit }, changed) {
  const div = add(place, 'div', { className: 'control' });
  const label = add(div, 'label', { htmlFor: `control-${name}`, textContent: title });
  const output = add(label, 'output');
  const input = add(div, 'input', {
    type: 'range', id: `control-${name}`, min: low, max: high, step,
  });
  add(div, 'p', { id: `help-${name}`, textContent: `${capital(help)}.` });
  input.setAttribute('aria-describedby', `help-${name}`);
  const show = () => {
    output.textContent = `${Number(input.value)}${unit ? ` ${unit}` : ''}`;
    input.setAttribute('aria-valuetext', output.textContent);
  };
  input.addEventListener('input', () => {
    show();
    changed();
  });
  return {
    get: () => Number(input.value),
    set(value) {
      input.value = value;
      show();
    },
  };
}

function makeBox(place, { name, title, help }, changed) {
  const div = add(place, 'div', { className: 'control check' });
  const label = add(div, 'label');
  const input = add(label, 'input', { type: 'checkbox', id: `control-${name}` });
  label.append(title);
  add(div, 'p', { id: `help-${name}`, textContent: `${capital(help)}.` });
  input.setAttribute('aria-describedby', `help-${name}`);
  input.addEventListener('change', changed);
  return {
    get: () => Number(input.checked),
    set(value) {
      input.checked = value > 0.5;
    },
  };
}

function add(place, kind, properties = {}) {
  const made = Object.assign(document.createElement(kind), properties);
  place.append(made);
  return made;
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
