// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Samples of named figures, and their report.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace davit::bench {

class Figures {
 public:
  void Add(const std::string& server, const std::string& figure, double value) {
    samples_[figure][server].push_back(value);
  }

  // {"figure": {"server": {"median": 1.5, "samples": 30}}}
  nlohmann::json ToJson() const;

 private:
  std::map<std::string, std::map<std::string, std::vector<double>>> samples_;
};

// The median of the samples, which must not be empty.
double Median(std::vector<double> samples);

}  // namespace davit::bench
