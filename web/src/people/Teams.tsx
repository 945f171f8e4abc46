/** The teams that somebody is in, all of them for a server admin. Which is open stands in the address. */
import type { FormEvent } from "react";
import { navigate, useSearch } from "wouter/use-browser-location";
import { makeTeam } from "../api/people";
import { plural } from "../format/number";
import { Link } from "../ui/Link";
import { Refusal } from "../ui/Problem";
import { Field, Refused } from "./parts";
import styles from "./People.module.css";
import { peopleKeys, useChanges, useMe, useTeams } from "./queries";
import { TeamDetails } from "./TeamDetails";

const addressOf = (team: string) => `/settings/teams?${new URLSearchParams({ team })}`;

export default function Teams() {
  const { data: teams, error, refetch } = useTeams();
  const { data: me } = useMe();
  const asked = new URLSearchParams(useSearch()).get("team");
  if (error && !teams) return <Refusal error={error} retry={() => void refetch()} />;
  const chosen = asked ?? teams?.[0]?.name ?? null;
  return (
    <div className={styles.content} aria-busy={!teams || !me}>
      <h1>Teams</h1>
      <p className={styles.about}>
        A project belongs to a team: readers see it, writers send and change runs, admins look after it.
      </p>
      {me?.is_server_admin && <NewTeamForm />}
      {teams?.length === 0 && (
        <p>
          {me?.is_server_admin
            ? "There is no team yet: make the first."
            : "You are in no team: ask an admin of one, or a server admin, to put you into it."}
        </p>
      )}
      {teams && teams.length > 0 && (
        <div className={styles.columns}>
          <nav aria-label="Teams">
            <ul className={styles.names}>
              {teams.map((team) => (
                <li key={team.name}>
                  <Link href={addressOf(team.name)} aria-current={team.name === chosen ? "true" : undefined}>
                    {team.name}
                    <small>
                      {plural(team.member_count, "member")}, {plural(team.project_count, "project")}
                    </small>
                  </Link>
                </li>
              ))}
            </ul>
          </nav>
          {chosen !== null && me && <TeamDetails key={chosen} name={chosen} me={me} />}
        </div>
      )}
    </div>
  );
}

function NewTeamForm() {
  const { problem, isBusy, change } = useChanges(peopleKeys.teams);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const name = String(new FormData(form).get("name")).trim();
    if (!(await change(() => makeTeam(name)))) return;
    form.reset();
    navigate(addressOf(name));
  };
  return (
    <form className={styles.form} onSubmit={(event) => void submit(event)} aria-label="A new team">
      <Field label="New team">
        <input type="text" name="name" required maxLength={64} autoComplete="off" autoCapitalize="none" />
      </Field>
      <button type="submit" disabled={isBusy}>
        Make the team
      </button>
      <Refused problem={problem} />
    </form>
  );
}
