"""The tables as data: which columns exist, what they hold, and when each fact was known.

The shorthand of a column is its name and a type, with marks:

======  ==================================================================================
``*``   required
``!``   holds only the current state (loyalty tier, consent): refused as a feature of the past
``@t``  a late fact: known only from the time in column ``t`` on, hidden on days before
======  ==================================================================================

Types: ``text``, ``word`` (a text an analysis looks for by name: stored in small letters, so that "Treated"
is found, too), ``time`` (a timestamp), ``date``, ``money`` (DECIMAL(18,4) in the table's currency),
``number``, ``count`` (integer), ``flag`` (true or false).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from crm_analytics.tables.money import MONEY

ROW = "_row_number"  # a row's place in its source, where the source has one
FILE = "_file_number"  # which file of a list or pattern a row stands in, until columns are read
PART = "_part"  # which file of several it stands in, where rows are kept by part

ENGINE_TYPES = {
    "text": "string",
    "word": "string",
    "time": "timestamp",
    "date": "date",
    "money": MONEY,
    "number": "float64",
    "count": "int64",
    "flag": "boolean",
}


@dataclass(frozen=True)
class Column:
    """One column of the contract."""

    name: str
    type: str
    required: bool = False
    current_state: bool = False
    known_from: str | None = None

    @property
    def engine_type(self) -> str:
        """The Ibis type the column is stored as."""
        return ENGINE_TYPES[self.type]


@dataclass(frozen=True)
class Table:
    """One table of the contract: its columns, its key and the time at which a row came to be."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    row_time: str | None = None

    def __getitem__(self, name: str) -> Column:
        return next(c for c in self.columns if c.name == name)

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in contract order."""
        return tuple(c.name for c in self.columns)

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the columns without which the table says nothing."""
        return tuple(c.name for c in self.columns if c.required)


ID = Column("key", "text")  # what an id or a key is compared as

_COLUMN = re.compile(r"(?P<name>\w+):(?P<type>[a-z]+)(?P<required>\*?)(?P<state>!?)(@(?P<known>\w+))?")


def _table(name: str, columns: str, key: str = "", row_time: str | None = None) -> Table:
    parsed = []
    for word in columns.split():
        match = _COLUMN.fullmatch(word)
        if match is None:
            raise ValueError(f"{name}: cannot read the column shorthand {word!r}")
        parsed.append(
            Column(
                match["name"], match["type"], bool(match["required"]), bool(match["state"]), match["known"]
            )
        )
    return Table(name, tuple(parsed), tuple(key.split()), row_time)


TABLES: dict[str, Table] = {
    t.name: t
    for t in (
        _table(
            "customers",
            """customer_id:text* customer_type:text parent_customer_id:text household_id:text first_name:text
            last_name:text birth_date:date gender:text email:text phone:text city:text region:text
            postal_code:text country:text language:text created_at:time acquisition_channel:text
            acquisition_campaign_id:text acquisition_cost:money consent_email:flag! consent_phone:flag!
            consent_sms:flag! consent_post:flag! do_not_contact:flag! loyalty_tier:text! needs_segment:text!
            account_manager:text! closed_at:time@closed_at""",
            key="customer_id",
            row_time="created_at",
        ),
        _table(
            "customer_identities",
            """identity_id:text* customer_id:text* source_system:text* id_type:text* id_value:text*
            match_probability:number valid_from:time valid_to:time@valid_to""",
            key="identity_id",
            row_time="valid_from",
        ),
        _table(
            "products",
            """product_id:text* product_name:text category_0_name:text category_1_name:text brand_name:text
            is_own_brand:flag list_price:money unit_cost:money launched_at:time
            discontinued_at:time@discontinued_at replenishment_days:number""",
            key="product_id",
            row_time="launched_at",
        ),
        _table(
            "transactions",
            """transaction_line_id:text transaction_id:text customer_id:text transaction_date:time*
            product_id:text unit_quantity:number unit_price:money unit_spend:money* unit_cost:money
            discount:money tax:money currency:text channel:text store_id:text campaign_id:text coupon:text
            is_return:flag attributes:text""",
            key="transaction_line_id",
            row_time="transaction_date",
        ),
        _table(
            "events",
            """event_id:text timestamp:time* event:text* customer_id:text anonymous_id:text session_id:text
            direction:word channel:text* source:text medium:text campaign_id:text content:text device:text
            stage:text product_id:text value:money cost:money is_conversion:flag""",
            key="event_id",
            row_time="timestamp",
        ),
        _table(
            "campaigns",
            """campaign_id:text* campaign_name:text objective:text channel:text list_name:text start_date:time
            end_date:time offer_code:text offer_cost:money budget:money""",
            key="campaign_id",
            row_time="start_date",
        ),
        _table(
            "campaign_members",
            """member_id:text campaign_id:text* customer_id:text* treatment:word* reason_code:text
            sent_at:time opened_at:time@opened_at clicked_at:time@clicked_at responded_at:time@responded_at
            unsubscribed_at:time@unsubscribed_at response_value:money@responded_at cost:money""",
            key="member_id",
            row_time="sent_at",
        ),
        _table(
            "channel_spend",
            """date_day:date* channel:text* campaign_id:text spend:money* impressions:count clicks:count""",
            key="date_day channel campaign_id",
            row_time="date_day",
        ),
        _table(
            "tickets",
            """ticket_id:text* customer_id:text* created_at:time* channel:text type:text is_complaint:flag
            priority:text status:text! product_id:text transaction_id:text first_reply_at:time@first_reply_at
            first_solved_at:time@first_solved_at last_solved_at:time@last_solved_at
            reopens:count@last_solved_at replies:count@last_solved_at reassignments:count@last_solved_at
            sla_due_at:time satisfaction_score:number@last_solved_at handle_minutes:number@last_solved_at
            cost:money@last_solved_at resolution:text@last_solved_at subject:text description:text""",
            key="ticket_id",
            row_time="created_at",
        ),
        _table(
            "survey_responses",
            """response_id:text respondent_id:text* customer_id:text responded_at:time* instrument:word*
            question:text* brand:text driver:text equity_type:text score:number scale_min:number
            scale_max:number text:text weight:number ticket_id:text""",
            key="response_id",
            row_time="responded_at",
        ),
        _table(
            "mentions",
            """mention_id:text created_timestamp:time* platform:text* author_handle:text customer_id:text
            brand:text message:text is_owned:flag in_reply_to:text sentiment:number topic:text likes:count!
            shares:count! comments:count! impressions:count! clicks:count! followers:count!
            replied_at:time@replied_at ticket_id:text""",
            key="mention_id",
            row_time="created_timestamp",
        ),
        _table(
            "referrals",
            """referral_id:text referrer_customer_id:text* invited_at:time*
            referred_customer_id:text@converted_at channel:text campaign_id:text
            converted_at:time@converted_at reward_cost:money@converted_at p_would_have_joined:number""",
            key="referral_id",
            row_time="invited_at",
        ),
        _table(
            "partner_records",
            """partner_id:text* partner_name:text token:text* population:text* category:text
            recency_days:number frequency:number monetary_band:text consent:flag! contributed_at:time""",
            key="partner_id token",
            row_time="contributed_at",
        ),
        _table(
            "subscriptions",
            """subscription_id:text customer_id:text* product_id:text start_date:time* end_date:time
            recurrence_months:number is_recurring:flag amount:money cancelled_at:time@cancelled_at
            cancel_reason:text@cancelled_at""",
            key="subscription_id",
            row_time="start_date",
        ),
        _table(
            "assessments",
            """assessment_id:text framework:text* block:text* practice:text* question:text
            intention_score:number reality_score:number weight:number evidence:text assessed_at:time
            assessor:text""",
            key="assessment_id",
            row_time="assessed_at",
        ),
    )
}
