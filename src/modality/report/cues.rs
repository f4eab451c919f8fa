//! The words around a finding that decide how it is meant (the NegEx and ConText family; lists written for this project).

use super::finding::{Acuity, Certainty, Change, Laterality, Size};

/// Which way a cue looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Forward,
    Backward,
}

/// A word or phrase that changes how findings near it are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cue {
    pub(super) effect: Certainty,
    pub(super) direction: Direction,
    /// Adjectives reach a few tokens and stop at a comma.
    pub(super) near: bool,
    /// Whether "and" carries it on ("may represent A and B", but not "possible A and B").
    pub(super) over_and: bool,
    /// What it says about change, if anything.
    pub(super) change: Change,
}

const fn cue(effect: Certainty, direction: Direction) -> Cue {
    Cue { effect, direction, near: false, over_and: true, change: Change::Unspecified }
}

const fn adjective(effect: Certainty) -> Cue {
    Cue { near: true, over_and: false, ..cue(effect, Direction::Forward) }
}

use Certainty::{Historical, Hypothetical, Negated, Uncertain};
use Direction::{Backward, Forward};

/// Everything that steers scope, with its phrases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Cue(Cue),
    /// Joins an observation to its cause ("suspicious for"): hands a negation on instead of ending it.
    Joins {
        uncertain: bool,
    },
    Change(Change),
    Side(Laterality),
    Size(Size),
    Acuity(Acuity),
    /// Ends every scope.
    Stop,
    /// "There is": begins an assertion.
    Opener,
    With,
    Comma,
    And,
    Or,
    Versus,
    Copula,
    /// Tells only that the text is English.
    English,
    /// Tells that the text is in another language.
    Foreign,
}

const SEEN: &str = "(seen|identified|present|visualized|visualised|evident|appreciated|demonstrated|detected|noted|found|apparent|observed|visible|shown)";

/// Phrase groups in the grammar of the finding lexicon; `SEEN` stands for the verbs of perception.
pub(super) const WORDS: &[(Word, &str)] = &[
    (Word::Cue(cue(Negated, Forward)), "
        no |
        no (|definite |convincing |obvious |radiographic |clear |ct |sonographic |mr |other |significant |further |acute )(evidence|sign|signs|suggestion|indication) (of|for|to suggest) |
        not | without | without (|any |definite |radiographic )(evidence|signs) of | w / o |
        negative for | free of | clear of | absence of | lack of | never had |
        fail(s|ed) to (show|reveal|demonstrate) | no findings (of|for|to suggest|to indicate) |
        nothing to suggest | ruled out for | no new | neither | nor | none | denies |
        cannot (see|identify) |
        (does|do|did) not (represent|demonstrate|show|reveal|see|identify) | not (a|an|any) |
        excludes | removal of | (interval |)removal of (the |a |)"),
    (Word::Cue(Cue { change: Change::Resolved, ..cue(Negated, Forward) }), "
        (interval |complete |)(resolution|clearing) of |
        no (longer|residual) (|any )(evidence of|sign of|)"),
    (Word::Cue(cue(Negated, Backward)), "
        (is|are|was|were|) not (definitely |clearly |)SEEN | (is|are|) absent | : none |
        none SEEN | (has|have|) (been|) (ruled|excluded) out |
        (has|have) been (excluded|removed) | (is|are|was|were) (ruled out|excluded|removed) |
        : (negative|no) | (is|are) negative |
        (is|was|were|are|represents|represented|) (|an |a |likely |in fact |due to )(artifact|artifactual|skin fold) |
        (was|were) (reported |described |)in error | (is|are) not the case"),
    (Word::Cue(Cue { change: Change::Resolved, ..cue(Negated, Backward) }), "
        (is|are|) no longer SEEN |
        (has|have) (completely |fully |entirely |now |since |)(resolved|cleared)"),
    (Word::Cue(adjective(Uncertain)), "
        possibl(e|y) | probabl(e|y) | likely | (most|very|less|more) likely | questionable |
        suspected | presumed | presumably | potential | equivocal | perhaps | apparent | vague |
        unlikely | ? | query | questioned"),
    (Word::Cue(cue(Uncertain, Forward)), "
        (may|might|could) (|also |well |partly |partially |still )(represent|be|reflect|indicate|be due to|be related to|relate to|be secondary to|suggest|have) |
        (cannot|can not|can't|could not) (|entirely |completely |definitively |reliably )(exclude|rule out) |
        (difficult|hard|impossible|unable) to (exclude|rule out) |
        (does|do) not (exclude|rule out) | not (exclude|excluding) |
        (concern|suspicion|consideration|differential|differential diagnosis|differential considerations) (for|of|includes|include|including) |
        differential | favo(u|)r(|s|ed) | favo(u|)red to (represent|be|reflect) | consider |
        considerations include | suspect | question of |
        (raises|raising|raise) (the |)(possibility|question|concern) (of|for) | possibility of |
        probability of | versus less likely | may | might | could |
        (is|are) (indeterminate|equivocal) for"),
    (Word::Cue(cue(Uncertain, Backward)), "
        (cannot|can not|can't|could not|may not) (|entirely |completely |definitively |reliably )be (|entirely |completely |definitively |reliably )(excluded|ruled out) |
        (is|are|was|) not (|entirely |completely |definitively |reliably )(excluded|ruled out) |
        (is|are) (possible|likely|probable|suspected|questioned|favored|favoured|considered|equivocal|unlikely|less likely|thought less likely|felt to be likely) |
        (should|could|can|may|might) (also |)be considered |
        (is|are|remains|remain) (a |in the |)(consideration|possibility|concern|differential) |
        (is|are) difficult to (exclude|assess) |
        (is|are|) not (well|adequately|fully) (SEEN|evaluated|assessed) |
        in the (appropriate|right|correct|proper) clinical (setting|context) |
        (is|are) of concern | (is|are) (hard|difficult) to rule out"),
    (Word::Cue(cue(Historical, Forward)), "
        (|past |prior |previous |known |remote |medical |clinical |no |a |)history (of|for|significant for) |
        h / o | hx (of|) | status post | s / p | post (operative|surgical) for |
        previously (had|treated for|diagnosed with) | treated for"),
    (Word::Cue(adjective(Historical)), "prior | previous | former"),
    (Word::Cue(cue(Historical, Backward)), "
        (in|on|by) (the |)(past|history) | (years|months) ago | (by|per) history"),
    (Word::Cue(cue(Hypothetical, Forward)), "
        if | (to |please |)(rule|rules) out | r / o |
        (to |please |)(evaluate|assess|eval|look|check|assessment|evaluation|screening|screen|monitor|watch|surveillance) (for|of possible) |
        to exclude | exclude | should there be | in case of |
        (at |increased |high |low |)risk (of|for|factors for) | (concerned|worried) about |
        to (|better |further )(evaluate|assess|characterize|detect) |
        clinical (concern|suspicion|question) (for|of) | (when|unless|until|whether) |
        (indication|reason|question) : | follow up (for|of) | to confirm"),
    (Word::Joins { uncertain: true }, "
        (suspicious|concerning|worrisome|suspect) for | suggest(|s|ing|ive of|ed) |
        (|to )suggest | compatible with | (in keeping|keeping) with possible |
        indicative of possible | that (may|could|might) (represent|be) |
        possibly (representing|due to)"),
    (Word::Joins { uncertain: false }, "
        consistent with | c / w | in keeping with | diagnostic of | indicative of | to indicate |
        represent(|s|ing) | reflect(|s|ing) | due to | secondary to | related to"),
    (Word::Change(Change::New), "
        new(|ly) | de novo | interval (development|appearance) of |
        (has|have) (newly |)(developed|appeared) | (now|newly) (seen|present|apparent|evident)"),
    (Word::Change(Change::Worsened), "
        worse(|n|ned|ning) | increas(ed|ing) |
        (interval |slight |mild |further |)increase(| in| in size) | enlarging |
        (has|have) enlarged | larger | progress(ed|ive|ion|ing)( of|) |
        more (extensive|prominent|pronounced|conspicuous)"),
    (Word::Change(Change::Unchanged), "
        unchanged | stable | similar | persist(s|ent|ing) | remain(s|) | residual |
        re demonstrated | redemonstrated | again (seen|noted|identified|demonstrated|present) |
        continued | unresolved |
        (no|without) (|significant |interval |appreciable |substantial |real |definite |material |relevant |significant interval |substantial interval |evidence of )(change|increase|decrease|worsening|progression|improvement|enlargement)( in| of| to| in size| in the size of|) |
        (is |are |has |have |)not (|significantly |substantially |appreciably |been |really )(changed|increased|decreased|improved|worsened|resolved|enlarged|progressed|cleared)"),
    (Word::Change(Change::Improved), "
        improv(ed|ing|ement)( of| in|) | decreas(ed|ing) |
        (interval |slight |)decrease(| in| in size) | smaller | resolving |
        (partial|near|nearly|partially|near complete|incomplete|mostly|almost completely|nearly completely) (resolution of|resolution|resolved|clearing|clearing of|cleared) |
        (has|have) (partially|nearly|mostly|almost|nearly completely) (resolved|cleared) |
        less (extensive|prominent|pronounced|conspicuous) | clearing | regress(ed|ing|ion)"),
    (Word::Change(Change::Resolved), "resolved | cleared"),
    (Word::Side(Laterality::Left), "left | left sided | lll | lul | leftward | lt"),
    (Word::Side(Laterality::Right), "right | right sided | rll | rul | rml | rightward | rt"),
    (Word::Side(Laterality::Bilateral), "
        bilateral(|ly) | bibasilar | bibasal | both | biapical |
        (right|left) (greater|more|larger|worse) than (the |)(left|right) | both (sides|lungs) |
        b / l"),
    (Word::Size(Size::Small), "
        trace | tiny | minimal(|ly) | minute | small | mild(|ly) | minor | slight | subtle |
        miniscule | minuscule | scant"),
    (Word::Size(Size::Moderate), "moderate(|ly) | moderate sized"),
    (Word::Size(Size::Large), "
        large | severe(|ly) | extensive(|ly) | marked(|ly) | substantial | sizable | sizeable"),
    (Word::Size(Size::Massive), "massive | huge | enormous"),
    (Word::Acuity(Acuity::Acute), "acute | subacute | acutely"),
    (Word::Acuity(Acuity::Chronic), "
        chronic | old | healed | remote | healing | longstanding | long standing | chronically"),
    (Word::Stop, "
        but | however | although | though | yet | except | except for | apart from | aside from |
        other than | nevertheless | nonetheless | otherwise | whereas | while | despite |
        besides | in addition | additionally | instead | ; | CLOSE | also |
        which (is|are|has|have) | now (there is|there are|with) | superimposed on | save for |
        unlike | because | since | (and|) (shows|demonstrates|reveals)"),
    (Word::Opener, "there (is|are|has been|have been|was|were|remains|remain)"),
    (Word::With, "with"),
    (Word::Comma, ","),
    (Word::And, "and | as well as | & | plus"),
    (Word::Or, "or | and / or | /"),
    (Word::Versus, "v | vs | versus | rather than | as opposed to | (is |are |)(favo(u|)red over|more likely than|less likely than)"),
    (Word::Copula, "is | are | has | have | was | were | appear(|s) | has been | have been"),
    (Word::English, "
        the | of | in | on | at | to | a | an | for | from | by | this | that | these | be |
        been | as | it | than | there | seen | which | within | into | over | under | above |
        below | between | noted | evidence | chest | lung | lungs | heart | findings |
        impression | lobe | base | bases | lower | upper | size | normal | clear | change |
        changes | any | focal | side | sided | about | was not | image | radiograph | study |
        patient | study is | interval | tip | position | above the carina | diaphragm | given"),
    (Word::Foreign, "
        kein(|e|en|er) | nicht | ohne | und | der | das | ist | mit | bei | links | rechts |
        beidseits | pas | aucun(|e) | sans | les | des | du | est | une | avec | et | le | de |
        la | d'un | d'une | el | los | las | sin | con | se | hay | ni | derech(o|a) |
        izquierd(o|a) | del | nessun(|o|a) | senza | della | il | di | nao | sem | com | da |
        do lado | geen | het | een | zonder | van | ingen | inget | inga | ikke | inte | och |
        og | brak | bez | nie | nincs | yok | ve | tidak | ei | droite | gauche | destra |
        sinistra | esquerd(a|o) | direit(a|o)"),
];

/// A phrase with its placeholders filled in: `SEEN`, and `CLOSE` for a closing parenthesis.
pub(super) fn filled(phrase: &str) -> String {
    if phrase == "CLOSE" { ")".to_owned() } else { phrase.replace("SEEN", SEEN) }
}
