// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/davit_bridge/answer.h"

#include "base/json.h"
#include "cni/davit_bridge/versions.h"

namespace davit::cni {

CniCode CniCodeOf(const Error& error) {
  switch (error.code) {
    case Code::kInvalidArgument:
      return CniCode::kInvalidConfig;
    case Code::kUnimplemented:
      return CniCode::kUnsupportedField;
    case Code::kUnavailable:
    case Code::kDeadlineExceeded:
      return CniCode::kTryAgainLater;
    default:
      return CniCode::kInternal;
  }
}

Answer Failure(const std::string& version, CniCode code, const Error& error) {
  nlohmann::json object = {{"cniVersion", version.empty() ? std::string(kNewestVersion) : version},
                           {"code", static_cast<int>(code)},
                           {"msg", error.ToString()}};
  return {1, PrintJson(object, /*indent=*/2) + "\n"};
}

}  // namespace davit::cni
