"""What is known about a person on a Monday: declared features, one dense matrix a week.

Belongs here: the declarations (`declared/*.yaml`: tables, event groups, features, deficits), the SQL made from them,
the matrix, the cohort, the sentences that explain a value, the data dictionary.

Does not belong here: outcomes and anything that looks past the Monday (`models`), who is shown on a list
(`outreach`), reading deliveries (`data_contracts`, `record`), paths of a home and connections (`pipelines`).
"""

from features.cohort import cohort, people
from features.declaration import FeatureSet, load_features
from features.deficit_evidence import deficit_evidence
from features.dictionary import dictionary_page, matrix_schema
from features.errors import FeatureError
from features.evidence import (
    care_home_agreement,
    care_home_evidence,
    care_home_sources,
    evidence_in_words,
    housebound_evidence,
)
from features.matrix import build_matrix
from features.reasons import reasons

__all__ = [
    "FeatureError",
    "FeatureSet",
    "build_matrix",
    "care_home_agreement",
    "care_home_evidence",
    "care_home_sources",
    "cohort",
    "deficit_evidence",
    "dictionary_page",
    "evidence_in_words",
    "housebound_evidence",
    "load_features",
    "matrix_schema",
    "people",
    "reasons",
]
