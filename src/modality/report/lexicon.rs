//! The phrases that name findings. Written for this project; British and American spellings.
//!
//! Phrases are separated by `|`; inside one, `(a|b|)` stands for each alternative in turn (the last here is the
//! empty one). White space between words, line breaks too, is one space.

use super::finding::FindingKind::{self, *};

/// Where a phrase may be believed: a bare "haemorrhage" means a brain bleed only in a study of the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Site {
    /// In any study.
    Any,
    /// Only in a study of the head.
    Head,
    /// In a study of the head, or when the study is not known.
    HeadOrUnknown,
    /// In a study of the chest, or when the study is not known.
    ChestOrUnknown,
    /// Only in a sentence that also names a device.
    WithDevice,
}

/// What a phrase says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Names a finding; the words around it decide how it is meant.
    Names(FindingKind),
    /// Says by itself that the finding is not there ("heart size is normal").
    Excludes(FindingKind),
    /// Says by itself that all is well ("lungs are clear").
    Normal,
    /// "Acute cardiopulmonary process": denied, it is [`NoAcuteFinding`].
    AcuteProcess,
}

/// A group of phrases with one meaning.
pub(super) struct Entry {
    pub(super) target: Target,
    pub(super) site: Site,
    pub(super) phrases: &'static str,
}

const fn names(kind: FindingKind, site: Site, phrases: &'static str) -> Entry {
    Entry { target: Target::Names(kind), site, phrases }
}

use Site::{Any, ChestOrUnknown, Head, HeadOrUnknown, WithDevice};

/// All finding phrases.
pub(super) const ENTRIES: &[Entry] = &[
    names(TensionPneumothorax, Any, "tension (pneumothorax|pneumothoraces|ptx|physiology|component|hydropneumothorax)"),
    names(TensionPneumothorax, ChestOrUnknown, "under tension | (signs|evidence|features) of tension"),
    names(Pneumothorax, Any, "(|hydro)pneumothora(x|ces|xes) | ptx"),
    names(Haemothorax, Any, "h(a|)emo(|pneumo)thora(x|ces)"),
    names(Pneumonia, Any, "
        (|broncho)pneumonia(|s) | pneumonic (consolidation|infiltrate(|s)|process) | pneumonitis |
        consolidation(|s) | consolidative (opacity|opacities|change(|s)|process) |
        air(| )space (disease|consolidation(|s)) | infiltrate(|s) |
        (pulmonary|lung|superimposed|pulmonary) infection | infectious (process|infiltrate(|s))"),
    names(Pneumonia, ChestOrUnknown, "infection(|s)"),
    names(Aspiration, Any, "aspiration (|pneumonia|pneumonitis|event)"),
    names(LungOpacity, ChestOrUnknown, "
        (|lung|airspace|air space|ground glass|groundglass|interstitial) opacit(y|ies) |
        opacification(|s) | haziness | ground glass (attenuation|change(|s))"),
    names(PulmonaryOedema, Any, "
        (pulmonary|interstitial|alveolar|cardiogenic|lung|flash pulmonary|interstitial pulmonary|pulmonary interstitial) (o|)edema |
        (|pulmonary|pulmonary venous|venous|central) vascular congestion |
        (pulmonary|pulmonary venous) congestion | congestive (heart|cardiac) failure |
        congestive change(|s) | chf | heart failure | (fluid|volume) overload |
        vascular engorgement"),
    names(PulmonaryOedema, ChestOrUnknown, "(o|)edema"),
    names(Ards, Any, "
        ards | (acute|adult) respiratory distress syndrome | diffuse alveolar damage"),
    names(PleuralEffusion, Any, "
        (pleural|parapneumonic|subpulmonic) effusion(|s) | pleural fluid | hydrothorax"),
    names(PleuralEffusion, ChestOrUnknown, "effusion(|s)"),
    names(Empyema, Any, "empyema(|s) | abscess(|es)"),
    names(Atelectasis, Any, "
        atelecta(sis|ses|tic change|tic changes|tic opacity|tic opacities|tic) |
        (lobar|lung|lobe|segmental) collapse | volume loss"),
    names(Cardiomegaly, Any, "
        cardiomegaly |
        (enlarged|enlargement of the) (heart|cardiac silhouette|cardiac size|cardiomediastinal silhouette) |
        cardiac enlargement | cardiomegalic |
        (heart|heart size|cardiac silhouette|cardiac size|cardiomediastinal silhouette) (is|remains|appears|) (|mildly|moderately|severely|markedly|grossly|top normal to mildly) enlarged"),
    names(PericardialEffusion, Any, "
        pericardial (effusion|fluid) | (cardiac|pericardial|) tamponade"),
    names(Pneumomediastinum, Any, "pneumomediastinum | mediastinal (air|emphysema)"),
    names(PulmonaryEmbolism, Any, "
        pulmonary (|arterial|artery|thrombo) embol(ism|i|us|isms) |
        pulmonary thromboembol(ism|i|ic disease) | saddle embol(us|ism)"),
    names(PulmonaryEmbolism, ChestOrUnknown, "
        pe | (intraluminal |)filling defect(|s) | (segmental|subsegmental|lobar) embol(i|us)"),
    names(AorticDissection, Any, "
        (|acute )aortic (dissection|rupture|injury|transection|intramural h(a|)ematoma) |
        intramural h(a|)ematoma | rupture(|d) (|abdominal |thoracic )aortic aneurysm |
        aneurysm rupture | dissection flap | type (a|b) dissection"),
    names(AorticDissection, ChestOrUnknown, "dissection"),
    names(Pneumoperitoneum, Any, "
        pneumoperitoneum |
        free (intraperitoneal|intra abdominal|abdominal|subdiaphragmatic|peritoneal|) (air|gas) |
        air (under|beneath|below) (the |)(right |left |)(hemi|)diaphragm |
        (bowel|hollow viscus|viscus|visceral|gastric) perforation | perforated viscus"),
    names(BowelObstruction, Any, "
        (small |large |)bowel obstruction | sbo | closed loop obstruction"),
    names(IntracranialHaemorrhage, Any, "
        (intracranial|intracerebral|subarachnoid|subdural|epidural|extradural|intraventricular|intraparenchymal|cerebral|cerebellar|extra axial|extraaxial) (h(a|)emorrhage(|s)|h(a|)ematoma(|s)|bleed(|s|ing)) |
        ich | sah | sdh | (extra axial|extraaxial) (fluid |)collection(|s)"),
    names(IntracranialHaemorrhage, Head, "
        (|parenchymal )h(a|)emorrhage(|s) | bleed(|s|ing) |
        h(a|)emorrhagic (transformation|conversion|contusion|contusions)"),
    names(Infarct, Any, "
        (cerebral|cerebellar|lacunar|brainstem|territory|territorial|embolic|watershed) infarct(|s|ion|ions) |
        (isch(a|)emic |)stroke"),
    names(Infarct, HeadOrUnknown, "infarct(|s|ion|ions) | isch(a|)emia"),
    names(MassEffect, Any, "
        midline shift | (uncal|tonsillar|subfalcine|transtentorial|brain|cerebral) herniation"),
    names(MassEffect, HeadOrUnknown, "mass effect | herniation"),
    names(Fracture, Any, "fracture(|s|d)"),
    names(MassOrNodule, Any, "
        mass(|es) | nodul(e|es) | neoplasm(|s) | malignancy | metasta(sis|ses|tic disease) |
        carcinoma | tumo(u|)r(|s) | (lung|pulmonary|cavitary|lytic|sclerotic|focal) lesion(|s)"),
    names(ChronicLungDisease, Any, "
        emphysema | emphysematous (change(|s)) | copd | (|pulmonary |interstitial )fibrosis |
        fibrotic change(|s) | bronchiectasis | scar(|s|ring) | interstitial lung disease |
        hyperinflat(ion|ed) | chronic (lung|obstructive pulmonary) disease"),
    names(DeviceMalposition, Any, "
        malposition(|s|ed|ing) |
        (right|left) main(|stem| stem) (bronchus |bronchial |)intubation | misplace(d|ment) |
        dislodged |
        (recommend|suggest|advise|consider|requires|needs) (repositioning|retraction|withdrawal|advancement)"),
    names(DeviceMalposition, WithDevice, "
        (in|into|within|enters|entering) (the |)(right|left) main(|stem| stem)( bronchus|) |
        coil(ed|s|ing) | kink(ed|s|ing|) | loop(ed|s) |
        (in|into|within) (the |)(esophagus|oesophagus|trachea|bronchus|azygos vein|azygos|internal jugular vein|contralateral subclavian vein|hepatic vein) |
        (too|abnormally) (low|high|deep) | (low|high) lying |
        (should|could) be (advanced|withdrawn|retracted|repositioned|pulled back) |
        (recommend|suggest|advise) (withdrawing|retracting|advancing|pulling back) | at the carina"),
    names(Device, Any, "
        (endotracheal|et|tracheostomy|tracheal|ng|nasogastric|og|orogastric|enteric|feeding|dobhoff|dobbhoff|chest|thoracostomy|pigtail|drainage|gastric) (tube(|s)|catheter(|s)) |
        ett | ngt | dobhoff | tracheostomy | picc(| line| catheter) |
        (central|central venous|venous|dialysis|jugular|subclavian|ij|swan ganz|pulmonary artery|pulmonary arterial|midline) (line(|s)|catheter(|s)) |
        port a cath | chest port | pacemaker | pacer | icd | aicd | defibrillator |
        pacing wire(|s) | (intra aortic |)balloon pump | iabp | ecmo cannula(|e|s) | impella |
        sternal wires | support devices | lines and tubes | tubes and lines"),
    Entry { target: Target::Excludes(Cardiomegaly), site: Any, phrases: "
        (heart|heart size|cardiac silhouette|cardiac size|size of the heart|cardiomediastinal silhouette|cardiac contour) (is|are|appears|remains|) (|within) (normal|normal limits|unremarkable) |
        (heart|heart size|cardiac silhouette|cardiomediastinal silhouette|cardiac contour) (is|are|appears|remains|) (normal in size|not enlarged) |
        normal (heart size|cardiac silhouette|cardiac size|cardiomediastinal silhouette|sized heart) |
        (cardiomediastinal|cardiac) and (hilar|mediastinal) (contours|silhouettes) (are|is) (normal|unremarkable|within normal limits)" },
    Entry { target: Target::Excludes(BowelObstruction), site: Any, phrases: "
        non(| )obstructive bowel gas pattern | normal bowel gas pattern" },
    Entry { target: Target::Excludes(Atelectasis), site: Any, phrases: "lungs are well (expanded|inflated)" },
    Entry { target: Target::Normal, site: Any, phrases: "
        (lungs|lung fields|both lungs) (are|remain|appear|) (|grossly|otherwise|essentially|well expanded and|well inflated and|well aerated and) clear |
        clear lungs |
        (normal|unremarkable|negative) (|portable |frontal |pa and lateral )(chest|head ct|brain|ct head|examination|exam|study|chest radiograph|chest x ray|chest ct|radiograph|ct) |
        (chest|examination|exam|study|brain|head ct|chest radiograph|lungs) (is|are|) (|otherwise |grossly )(normal|unremarkable|within normal limits)" },
    Entry { target: Target::AcuteProcess, site: Any, phrases: "
        acute (cardiopulmonary|cardiac|pulmonary|intrathoracic|thoracic|intracranial|chest|cardiothoracic|intra abdominal|intraabdominal|abdominal|cardiac or pulmonary|osseous|) (process(|es)|abnormalit(y|ies)|disease|finding(|s)|patholog(y|ies)) |
        active (cardiopulmonary|pulmonary|chest|lung) disease |
        (significant|focal|radiographic) abnormalit(y|ies)" },
];

/// Phrases that hold a finding's or a cue's word and mean neither.
pub(super) const INERT: &str = "
        (joint|knee|hip|elbow|ankle|middle ear|mastoid|shoulder) effusion(|s) |
        (soft tissue|subcutaneous|peripheral|leg|scalp|vasogenic|cytotoxic|cerebral|bowel wall|periportal|mesenteric) (o|)edema |
        (subcutaneous|soft tissue) (emphysema|air) | (needle|bone marrow) aspiration |
        aspirat(e|ed) fluid | myocardial (infarct|infarction|isch(a|)emia) |
        (scalp|subgaleal|soft tissue) h(a|)ematoma |
        (pulmonary|splenic|renal|bone) infarct(|s|ion) | (disc|disk|hiatal) herniation |
        (small|large) bowel | large vessel | bone mass | body mass |
        left (ventricle|ventricular|atrium|atrial) | right (ventricle|ventricular|atrium|atrial) |
        mass like | (previously|formerly|initially) (small|moderate|large|massive|severe) |
        not only | with or without | no matter | not necessarily | not just | if any |
        gram negative | left over |
        (previously|prior|formerly) (seen|noted|described|identified|demonstrated|visualized|reported) |
        (prior|previous|old|earlier) (|chest |portable |head |recent )(study|studies|exam|exams|examination|examinations|radiograph|radiographs|film|films|ct|x ray|image|images|imaging|scan|report|comparison) |
        (compared|comparison|relative) (to|with) (the |)(prior|previous) |
        (from|since|than) (the |)(prior|previous) | as above | see above |
        history (is |)(not |)(provided|available|given) | fracture table | tension free |
        all masses";
