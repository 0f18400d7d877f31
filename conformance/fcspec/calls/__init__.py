"""Drawn calls: a call as data, what it must amount to, what an implementation makes of it, the smallest one that breaks a law.

plan                             a call as plain data
topics, module_drawing, drawing  what hypothesis draws
plan_source, class_source        a plan as source code
execution                        runs that source code
refusals, expected, assigning    what a call must amount to, computed without functional_call
assertions, looks, attribution   the same as assertions, each with the clause that it belongs to
comparison                       which laws the call of an implementation breaks
features, rules                  the features of a call as tables, and what cannot meet
covering, meetings, completion   rows of them: all pairs; more than two in some topics; from some features to a row
rows, row_modules, row_faults    from a row to a plan
reduction                        judges rows, and reduces each that breaks a law
smaller                          leaves out of a plan what has no part in its broken law
shrinking, choices               draws until one is broken, and shrinks; what hypothesis chose then
script                           a broken law as a script to paste
addition, additions, searched    what calls of `fcspec explore` can have beside their features
row_topics                       the rows that it judges, in batches
kept                             calls that broke a law, in a database of hypothesis
attempt, row_attempt             the work of its child processes
topic_runs                       what it has done about each topic, and does next
"""
