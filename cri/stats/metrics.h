// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Metrics under the names that cAdvisor gave them, so that dashboards and alerts go on working.
//
// The CRI's values are whole numbers: times are in full seconds, where cAdvisor has fractions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "api/cri/v1/api.pb.h"

namespace davit {

// Every metric that there can be, with its labels in the order of their values.
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

  // `metrics` outlives this.
  MetricList(MetricLabels labels, Metrics& metrics) : labels_(std::move(labels)), metrics_(metrics) {}

  // `name` is one of MetricDescriptors', and `more` has the values of its other labels.
  void Add(const char* name, uint64_t value, const std::vector<std::string>& more = {});

 private:
  const MetricLabels labels_;
  Metrics& metrics_;
};

}  // namespace davit
