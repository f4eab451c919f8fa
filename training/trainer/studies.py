"""What is trained on what: one study for each data set."""

from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Study:
    name: str  # of the data set, as `latefusion --dataset` has it
    modalities: tuple
    outcome: str  # column of the feature tables
    outcome_text: str
    suffix: str  # the packages are `<modality>-<suffix>`
    rounds: dict  # trees of each model
    data: str
    licence: str
    licence_text: str
    cited: str
    limits: str
    profile: str = "hourly"
    ships: tuple = ()  # modalities whose packages are written; empty: all
    rivals: tuple = ("early", "early-dropout")
    times: tuple = (24.0, 48.0)  # hours into the stay of the rows trained on; the last is the main one
    ridge: float = 1.0  # of the stack; above 1 it pulls slopes towards 0.7
    recipe: dict = field(default_factory=dict)  # beside trees.RECIPE
    notes: dict = field(default_factory=dict)  # of a modality, for its card

    @property
    def main(self):
        return self.times[-1]


PHYSIONET = "Goldberger et al., Circulation 2000;101(23):e215-e220."

CINC2012 = Study(
    name="cinc2012",
    modalities=("vitals", "labs"),
    outcome="outcome_died_in_hospital",
    outcome_text="in-hospital death",
    suffix="mortality-trees",
    rounds={"vitals": 480, "labs": 480, "early": 480, "early-dropout": 650},
    data="PhysioNet/CinC Challenge 2012, sets a and b",
    licence="ODC-BY 1.0",
    licence_text="The data are under the Open Data Commons Attribution License 1.0, which asks that their source be named where something made "
    "with them is published, and asks nothing more of it: the weights may be shipped. Thresholds of trees and bins of scores are sums over many stays; no row of the data is in this package, and the golden vectors are drawn, not measured.",
    cited="Silva et al., Computing in Cardiology 2012;39:245-248; " + PHYSIONET,
    limits="One country, intensive care of 2001 to 2008; hourly charting, not monitors. Calibrated for death in hospital at the rate of these stays (14 %) and only from 24 h on: "
    "earlier in a stay the features are thinner than those it was trained on.",
)

WARD = replace(
    CINC2012,
    name="cinc2012-ward",
    profile="ward",
    suffix="mortality-ward-trees",
    ships=("vitals",),
    rivals=(),
    limits="Trained on hourly charting and used with monitors: it looks at the last hour alone, at values and means that do not depend on how often one sends, "
    "and gives away what two days would tell. " + CINC2012.limits,
)

EICU_DEMO = Study(
    name="eicu-demo",
    modalities=("vitals", "labs", "imaging"),
    outcome="outcome_died_in_hospital",
    outcome_text="in-hospital death",
    suffix="mortality-eicu-trees",
    rounds={"vitals": 150, "labs": 150, "imaging": 10, "early": 150, "early-dropout": 200},
    data="eICU Collaborative Research Database Demo 2.0",
    licence="ODbL 1.0",
    licence_text="The data are under the Open Database License 1.0. A trained model is taken to be a work produced from the database (section 4.3), so this notice says where it comes from; "
    "whoever holds it to be a derived database instead may use this package under the ODbL 1.0 itself, under which it is offered as well. No row of the data is in it, and the golden vectors are drawn, not measured.",
    cited="Pollard et al., Sci Data 2018;5:180178; van de Water et al., ICLR 2024 (arXiv 2306.05109); " + PHYSIONET,
    limits="1,698 stays of a demonstration set, some hundred deaths: figures have wide intervals. Hourly summaries. Imaging is a proxy: findings that staff entered as diagnoses, and x-rays as orders; a row's absence says nothing.",
    times=(12.0, 24.0),
    ridge=30.0,
    recipe={"num_leaves": 7, "min_data_in_leaf": 20},
    notes={"imaging": " **No signal was found**: the findings do not tell who dies among those who have any (an area below 0.5 is what cross-fitting makes of a constant: "
           "a fold with more deaths leaves fewer to learn from). What this model says is nearly the event rate of patients with a chest finding. It is here to show the path, not to be used.",
    },
)

STUDIES = {study.name: study for study in (CINC2012, WARD, EICU_DEMO)}
