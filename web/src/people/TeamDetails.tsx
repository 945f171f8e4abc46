/** One team: who is in it as what, and which projects it has. */
import { type FormEvent } from "react";
import { assignProject, type Me, removeMember, type Role, ROLES, setRole, type WholeTeam } from "../api/people";
import { useProjects } from "../data/queries";
import { isolated } from "../format/isolated";
import { Link } from "../ui/Link";
import { Refusal } from "../ui/Problem";
import { projectPath } from "../url/route";
import { Field, Refused, SureButton } from "./parts";
import styles from "./People.module.css";
import { peopleKeys, useChanges, useTeam } from "./queries";

export function TeamDetails({ name, me }: { name: string; me: Me }) {
  const { data: team, error, refetch } = useTeam(name);
  if (error && !team) return <Refusal error={error} retry={() => void refetch()} />;
  if (!team) return <div aria-busy="true" />;
  const isAdmin = me.is_server_admin || team.members.some((one) => one.user === me.user && one.role === "admin");
  return (
    <section aria-label={isolated`Team ${name}`}>
      <h2>{name}</h2>
      <Members team={team} me={me} isAdmin={isAdmin} />
      <Projects team={team} isAdmin={isAdmin} />
    </section>
  );
}

function Members({ team, me, isAdmin }: { team: WholeTeam; me: Me; isAdmin: boolean }) {
  const { problem, isBusy, change } = useChanges(peopleKeys.teams);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const given = new FormData(form);
    const user = String(given.get("user")).trim();
    if (await change(() => setRole(team.name, user, given.get("role") as Role))) form.reset();
  };
  return (
    <>
      <h3>Members</h3>
      {team.members.length === 0 && <p className={styles.about}>Nobody is in this team.</p>}
      <ul className={styles.list} aria-label="Members">
        {team.members.map(({ user, role }) => (
          <li key={user}>
            <div className={styles.what}>
              <b>{user}</b>
              {user === me.user && <span className={styles.mark}>you</span>}
            </div>
            {isAdmin ? (
              <select
                aria-label={isolated`Role of ${user}`}
                value={role}
                disabled={isBusy}
                onChange={(event) => void change(() => setRole(team.name, user, event.target.value as Role))}
              >
                <RoleOptions />
              </select>
            ) : (
              <span>{role}</span>
            )}
            {(isAdmin || user === me.user) && (
              <SureButton
                label={user === me.user ? "Leave" : "Remove"}
                about={user === me.user ? isolated`Leave ${team.name}` : isolated`Remove ${user}`}
                act={() => void change(() => removeMember(team.name, user))}
              />
            )}
          </li>
        ))}
      </ul>
      {isAdmin && (
        <form className={styles.form} onSubmit={(event) => void submit(event)} aria-label="A new member">
          <Field label="Put in">
            <input
              type="text"
              name="user"
              required
              placeholder="name of a user"
              autoComplete="off"
              autoCapitalize="none"
            />
          </Field>
          <Field label="As">
            <select name="role" defaultValue="writer">
              <RoleOptions />
            </select>
          </Field>
          <button type="submit" disabled={isBusy}>
            Put into the team
          </button>
        </form>
      )}
      <Refused problem={problem} />
    </>
  );
}

const RoleOptions = () =>
  ROLES.map((role) => (
    <option key={role} value={role}>
      {role}
    </option>
  ));

function Projects({ team, isAdmin }: { team: WholeTeam; isAdmin: boolean }) {
  const { problem, isBusy, change } = useChanges(peopleKeys.teams);
  const { data: known } = useProjects();
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const project = String(new FormData(form).get("project"));
    if (await change(() => assignProject(team.name, project))) form.reset();
  };
  return (
    <>
      <h3>Projects</h3>
      {team.projects.length === 0 && (
        <p className={styles.about}>
          None yet. The first run that a writer of this team sends into a new project begins one.
        </p>
      )}
      <ul className={styles.list} aria-label="Projects">
        {team.projects.map((project) => (
          <li key={project}>
            <Link className={styles.what} href={projectPath(project)}>
              {project}
            </Link>
          </li>
        ))}
      </ul>
      {isAdmin && (
        <form className={styles.form} onSubmit={(event) => void submit(event)} aria-label="A project for the team">
          <Field label="Give this team">
            <input
              type="text"
              name="project"
              required
              list="known-projects"
              placeholder="a project"
              autoComplete="off"
            />
            <datalist id="known-projects">
              {known
                ?.filter((one) => !team.projects.includes(one.name))
                .map((one) => (
                  <option key={one.name} value={one.name} />
                ))}
            </datalist>
          </Field>
          <button type="submit" disabled={isBusy}>
            Give the project
          </button>
        </form>
      )}
      <Refused problem={problem} />
    </>
  );
}
