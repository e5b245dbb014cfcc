"""Makes clusters.csv: what scikit-learn and PyOD make of the rows of reference.csv, by distances and densities.

Run with numpy, scikit-learn and pyod installed: python3 make_clusters.py
"""

import csv
import pathlib

import numpy as np
from pyod.models.knn import KNN
from sklearn.cluster import DBSCAN, KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import silhouette_score
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KNeighborsClassifier, LocalOutlierFactor
from sklearn.svm import SVC, OneClassSVM

HERE = pathlib.Path(__file__).parent

with open(HERE / "reference.csv", newline="") as file:
    records = list(csv.DictReader(file))
X = np.array([[np.float32(record[f"x{col}"]) for col in range(4)] for record in records], dtype=np.float64)
label = np.array([int(record["label"]) for record in records])

dbscan = DBSCAN(eps=1.5, min_samples=5).fit(X)
kmeans = KMeans(3, n_init=50, tol=0, random_state=0).fit(X)
pca = PCA(0.9).fit(X)
along = pca.transform(X)
mixture = GaussianMixture(2, tol=1e-9, max_iter=2000, n_init=5, random_state=0).fit(X)

scores = {
    "dbscan": dbscan.labels_,
    "dbscan_core": np.isin(np.arange(len(X)), dbscan.core_sample_indices_).astype(int),
    "k_means_label": kmeans.labels_,
    "k_means": kmeans.transform(X).min(axis=1),
    "silhouette": np.full(len(X), silhouette_score(X, kmeans.labels_)),
    "knn_largest": KNN(method="largest").fit(X).decision_scores_,
    "knn_mean": KNN(method="mean").fit(X).decision_scores_,
    "knn_median": KNN(method="median").fit(X).decision_scores_,
    "lof": -LocalOutlierFactor().fit(X).negative_outlier_factor_,
    "k_neighbors": KNeighborsClassifier().fit(X, label).predict_proba(X)[:, 1],
    "k_neighbors_distance": KNeighborsClassifier(9, weights="distance").fit(X[1::2], label[1::2]).predict_proba(X)[:, 1],
    "pca": ((X - pca.inverse_transform(along)) ** 2).sum(axis=1),
    "gaussian_mixture_1": -GaussianMixture(1, reg_covar=1e-12).fit(X).score_samples(X),
    "gaussian_mixture_2": -mixture.score_samples(X),
    "one_class_svm": -OneClassSVM(nu=0.2, tol=1e-6).fit(X).decision_function(X),
    "rbf_svm": SVC(tol=1e-6).fit(X, label).decision_function(X),
}

with open(HERE / "clusters.csv", "w", newline="") as file:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(scores)
    writer.writerows([f"{value:.12g}" for value in values] for values in zip(*scores.values()))
