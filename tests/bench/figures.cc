// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "tests/bench/figures.h"

#include <algorithm>

namespace davit::bench {

double Median(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  size_t middle = samples.size() / 2;
  return samples.size() % 2 == 1 ? samples[middle] : (samples[middle - 1] + samples[middle]) / 2;
}

nlohmann::json Figures::ToJson() const {
  nlohmann::json result = nlohmann::json::object();
  for (const auto& [figure, servers] : samples_) {
    for (const auto& [server, samples] : servers) {
      result[figure][server] = {{"median", Median(samples)}, {"samples", samples.size()}};
    }
  }
  return result;
}

}  // namespace davit::bench
