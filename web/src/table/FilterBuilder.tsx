/** The conditions that rows must meet, all of them. */
import type { FilterOperator, TableColumn } from "../api/records";
import { CrossIcon } from "../ui/icons";
import { isNumeric } from "./cells";
import { type Condition, needsValue, OPERATOR_WORDS, operatorsOf } from "./question";
import styles from "./TablePanel.module.css";

interface FilterBuilderProps {
  columns: readonly TableColumn[];
  conditions: readonly Condition[];
  change: (conditions: readonly Condition[]) => void;
}

/** A condition that another may follow, on the first column. */
export function newCondition(columns: readonly TableColumn[], conditions: readonly Condition[]): Condition {
  const id = Math.max(0, ...conditions.map((condition) => condition.id)) + 1;
  return { id, column: 0, op: operatorsOf(columns[0].type)[0], text: "" };
}

export function FilterBuilder({ columns, conditions, change }: FilterBuilderProps) {
  const put = (id: number, part: Partial<Condition>) =>
    change(conditions.map((condition) => (condition.id === id ? { ...condition, ...part } : condition)));
  return (
    <div className={styles.conditions} role="group" aria-label="Conditions">
      {conditions.map((condition, index) => {
        const { type } = columns[condition.column];
        return (
          <div key={condition.id} className={styles.condition}>
            <span className={styles.and}>{index === 0 ? "where" : "and"}</span>
            <select
              aria-label="Column"
              value={condition.column}
              onChange={(event) => {
                const column = Number(event.target.value);
                const allowed = operatorsOf(columns[column].type);
                const isKept = condition.text !== "" && allowed.includes(condition.op);
                put(condition.id, { column, op: isKept ? condition.op : allowed[0] });
              }}
            >
              {columns.map(({ name }, position) => (
                <option key={position} value={position}>
                  {name}
                </option>
              ))}
            </select>
            <select
              aria-label="Operator"
              value={condition.op}
              onChange={(event) => put(condition.id, { op: event.target.value as FilterOperator })}
            >
              {operatorsOf(type).map((op) => (
                <option key={op} value={op}>
                  {OPERATOR_WORDS[op]}
                </option>
              ))}
            </select>
            {needsValue(condition.op) && type === "bool" && (
              <select
                aria-label="Value"
                value={condition.text}
                onChange={(event) => put(condition.id, { text: event.target.value })}
              >
                <option value="">…</option>
                <option>true</option>
                <option>false</option>
              </select>
            )}
            {needsValue(condition.op) && type !== "bool" && (
              <input
                type="text"
                aria-label="Value"
                inputMode={isNumeric(type) ? "decimal" : undefined}
                placeholder={condition.op === "in" ? "a, b, c" : isNumeric(type) ? "number" : "text"}
                value={condition.text}
                onChange={(event) => put(condition.id, { text: event.target.value })}
              />
            )}
            <button
              type="button"
              className="quiet icon"
              aria-label="Remove the condition"
              onClick={() => change(conditions.filter((one) => one !== condition))}
            >
              <CrossIcon />
            </button>
          </div>
        );
      })}
      <button type="button" onClick={() => change([...conditions, newCondition(columns, conditions)])}>
        Add a condition
      </button>
    </div>
  );
}
