"""Names in a training's folder, for the gateway, which follows it, and the process that trains.

Apart from `server.learning.job`, so that a gateway does not hold the models' libraries in memory.
"""

JOB, RESULT, COMPANY = "job.json", "result.json", "company"
