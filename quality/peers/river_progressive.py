"""River's pipeline over a stream as JSON lines: predict, then learn. Prints the measures of its predictions, by name."""
import json
import math
import sys

from river import compose, linear_model, preprocessing


def indicators(features):
    """One-hot, without the zeros: what OneHotEncoder comes to for a linear model, in time that does not grow."""
    texts = {f"{name}={value}": 1 for name, value in features.items() if isinstance(value, str)}
    return texts | {name: int(value) for name, value in features.items() if isinstance(value, bool)}



path, task = sys.argv[1], sys.argv[2]
def numbers_only(features):
    return {name: value for name, value in features.items() if type(value) in (int, float)}


numbers = compose.FuncTransformer(numbers_only) | preprocessing.StandardScaler()
learner = {
    "binary": linear_model.LogisticRegression,
    "regression": linear_model.LinearRegression,
    "multiclass": linear_model.SoftmaxRegression,
}[task]()
model = (compose.FuncTransformer(indicators) + numbers) | learner

count = wrong = 0
log_loss = absolute = squared = 0.0
with open(path, encoding="utf-8") as lines:
    for line in lines:
        event = json.loads(line)
        features, label = event["features"], event["label"]
        count += 1
        if task == "binary":
            p = model.predict_proba_one(features).get(True, 0.5)
            q = min(max(p if label else 1 - p, 1e-15), 1 - 1e-15)
            log_loss -= math.log(q)
            wrong += (p > 0.5) != label
        elif task == "regression":
            error = model.predict_one(features) - label
            absolute += abs(error)
            squared += error * error
        else:
            wrong += model.predict_one(features) != label
        model.learn_one(features, label)
print(
    json.dumps(
        {
            "logLoss": log_loss / count,
            "errorRate": wrong / count,
            "mae": absolute / count,
            "rmse": math.sqrt(squared / count),
        }
    )
)
