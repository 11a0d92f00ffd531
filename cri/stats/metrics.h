// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Metrics under the names that cAdvisor gave them, so that dashboards and alerts keep working.
//
// The values in the CRI are integers: times are in whole seconds, while cAdvisor has fractions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "api/cri/v1/api.pb.h"

namespace davit::cri {

// All possible metrics, with their labels in the order of the values.
std::vector<::runtime::v1::MetricDescriptor> MetricDescriptors();

// The labels that all metrics have, as the kubelet sets them for cAdvisor's.
struct MetricLabels {
  std::string id;     // the cgroup's path
  std::string name;   // the container's or the sandbox's id
  std::string image;  // as the container's configuration names it; empty for a pod
  std::string pod;
  std::string namespace_name;
  std::string container;  // its name; empty for a pod
};

// Collects the metrics of one pod or container.
class MetricList {
 public:
  using Metrics = google::protobuf::RepeatedPtrField<::runtime::v1::Metric>;

  // `metrics` must outlive this object.
  MetricList(MetricLabels labels, Metrics& metrics) : labels_(std::move(labels)), metrics_(metrics) {}

  // `name` is one of MetricDescriptors; `more` contains the values of its additional labels.
  void Add(const char* name, uint64_t value, const std::vector<std::string>& more = {});

 private:
  const MetricLabels labels_;
  Metrics& metrics_;
};

}  // namespace davit::cri
