/** One of a few. Its name is seen beside it, or only heard where what is chosen says enough. */

interface Props {
  label: string;
  isLabelSeen?: boolean;
  value: string;
  options: [value: string, text: string][];
  onChoose: (value: string) => void;
}

export function Choice({ label, isLabelSeen = false, value, options, onChoose }: Props) {
  return (
    <label className={isLabelSeen ? "grid gap-1 text-sm" : ""}>
      <span className={isLabelSeen ? "text-soft" : "sr-only"}>{label}</span>
      <select className="field" value={value} onChange={(event) => onChoose(event.target.value)}>
        {options.map(([name, text]) => (
          <option key={name} value={name}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}
