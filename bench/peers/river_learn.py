"""River's pipeline over events as JSON lines: predict, then learn, one by one. Prints seconds of learning, parsing counted."""
import json
import sys
import time

from river import compose, linear_model, preprocessing

numbers = compose.SelectType(int, float) | preprocessing.StandardScaler()
texts = compose.SelectType(str) | preprocessing.OneHotEncoder()
model = (texts + numbers) | linear_model.LogisticRegression()

with open(sys.argv[1], encoding="utf-8") as lines:
    started = time.perf_counter()
    count = 0
    for line in lines:
        event = json.loads(line)
        features, label = event["features"], event["label"] == 1
        model.predict_proba_one(features)
        model.learn_one(features, label)
        count += 1
    seconds = time.perf_counter() - started
print(json.dumps({"events": count, "seconds": seconds}))
