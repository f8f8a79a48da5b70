"""Who a neighbourhood team should think about this week, why, and no more than it can see.

Belongs here: the declared lists, teams and their capacity, eligibility as known on the Monday, the choice and its
ledger, and the sheets and pages that a team reads.

Does not belong here: how a score or a reason is made (models, features), identity (a list is pseudonymous until its
release), anything for commissioners, any path or connection of its own.
"""

from outreach.build import build_lists
from outreach.declaration import ListDeclaration, ListError, load_list
from outreach.report import ListReport
from outreach.sheet import Heading
from outreach.teams import TeamsFile, load_teams

__all__ = [
    "Heading",
    "ListDeclaration",
    "ListError",
    "ListReport",
    "TeamsFile",
    "build_lists",
    "load_list",
    "load_teams",
]
