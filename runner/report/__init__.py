"""The report of a log: what happened, what it earned, what to look at, as one HTML file or as JSON.

story       everything a log tells, taken line by line into memory that does not grow with it; of it:
spans           time cut into at most a thousand cells
modes           time in each mode; halts and alerts
tickets         what became of exposures, and how long it took
earned          results, markouts, slip
kinds           what kinds of things happened, and which of them the newest run did for the first time
rows        the same for the tables' rows, out of journals
page        the HTML, put together from overview, attention, trading, results and reading; what they share is in
            parts, charts and words (both languages side by side); report.css is how it looks
cli         the command, and progress
"""
