-- Half a year of e-mail in the order in which it was written: a few failures, a short queue at its end,
-- fifty users of whom some write much, a thousand companies.
INSERT INTO mail_content (
    id, subject, text, html, language, author_name, author_address, reply_to, "to", cc,
    message_id, in_reply_to, "references", extra_headers, auto_submitted, sensitive, created_at
)
SELECT
    i,
    (ARRAY['Presupuesto', 'Factura', 'Recordatorio', 'Renovación', 'Propuesta'])[1 + i %% 5] || ' S' || lpad(i::text, 6, '0'),
    'x', '<p>x</p>', 'es', 'Ana', 'ana@miempresa.example', '', '', '',
    '<' || i || '@miempresa.example>', '', '', '[]', false, false, now()
FROM generate_series(1::bigint, %(mails)s / 4) AS i;

INSERT INTO mail_mail (
    content_id, lane, recipient_name, recipient_address, user_id, document_type_id, document_id, document_name,
    search, state, due_at, created_at, settled_at, urgent, server_id, plan_version,
    lease_owner, fence, tries, uncertain, cause, failure
)
SELECT
    content_id, lane, '', address, user_id, type_id, document_id, document_name,
    lower(subject || ' ' || address || ' ' || document_name), state, at, at,
    CASE WHEN state = 'queued' THEN NULL ELSE at END, false, server_id, 1, '', 0, 0, 0, cause, ''
FROM (
    SELECT
        i,
        content.id AS content_id,
        content.subject,
        CASE WHEN i %% 19 = 0 THEN 'mass' ELSE 'transactional' END AS lane,
        'persona' || (i * 7919 %% 400) || '@empresa' || (i * 104729 %% 1000) || '.example' AS address,
        CASE WHEN i %% 53 > 0 THEN (%(users)s::int[])[1 + (i * 31 %% 7) * (i * 17 %% 8)] END AS user_id,
        (%(types)s::int[])[1 + i %% 3] AS type_id,
        1 + i * 13 %% 20000 AS document_id,
        'DOC' || (1 + i * 13 %% 20000) AS document_name,
        CASE
            WHEN i > %(mails)s - 2000 AND i %% 4 = 0 THEN 'queued'
            WHEN i %% 47 = 0 THEN 'failed'
            WHEN i %% 101 = 0 THEN 'cancelled'
            ELSE 'sent'
        END AS state,
        CASE
            WHEN i > %(mails)s - 2000 AND i %% 40 = 0 THEN 'greylisted'
            WHEN i %% 47 = 0 THEN 'recipient_unknown'
            ELSE ''
        END AS cause,
        CASE WHEN i %% 11 = 0 THEN %(second)s ELSE %(first)s END AS server_id,
        now() - interval '180 days' * (1 - i::float / %(mails)s) AS at
    FROM generate_series(1::bigint, %(mails)s) AS i
    JOIN mail_content AS content ON content.id = 1 + (i - 1) / 4
) AS mail
ORDER BY i;
