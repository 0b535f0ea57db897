-- name: releases
-- Releases that served requests since an instant, with when each was first seen.
SELECT project, environment, release, min(received) AS seen
FROM requests_received
WHERE received >= {since:DateTime('UTC')} AND NOT synthetic AND release != ''
GROUP BY project, environment, release
ORDER BY seen
