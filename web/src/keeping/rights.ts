/** What the person may do to the team, as far as the page has to know; the hub decides. */
import { useQuery } from "@tanstack/react-query";
import type { Schemas } from "../api/client";
import { me } from "../api/queries";

type Role = Schemas["Role"];
const ROLES: Role[] = ["guest", "member", "admin", "owner"];

export interface Rights {
  person: string;
  role: string;
  manages: boolean;
  givable: Role[]; // roles that one may give, and whose people one may change
}

export function useRights(): Rights | null {
  const { data } = useQuery(me);
  if (!data) return null;
  const manages = data.role === "owner" || data.role === "admin";
  const givable = data.role === "owner" ? ROLES : manages ? ROLES.filter((role) => role !== "owner") : [];
  return { person: data.person.id, role: data.role, manages, givable };
}
