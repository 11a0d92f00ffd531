// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What a plugin prints for its caller (https://github.com/containernetworking/cni/blob/v1.1.2/SPEC.md,
// section 5).
#pragma once

#include <string>

#include "base/error.h"

namespace davit::cni {

// The error codes of the specification, and those that its Go library adds (kInvalidNetns, kInternal).
enum class CniCode : int {
  kIncompatibleVersion = 1,
  kUnsupportedField = 2,
  kUnknownContainer = 3,
  kInvalidEnvironment = 4,
  kIoFailure = 5,
  kDecodingFailure = 6,
  kInvalidConfig = 7,
  kInvalidNetns = 8,
  kTryAgainLater = 11,
  kNotAvailable = 50,  // STATUS only
  kInternal = 999,
};

// The code for an error of a command at work.
CniCode CniCodeOf(const Error& error);

struct Answer {
  int exit_status = 0;
  std::string output;  // of stdout
};

// An error object. `version` is that of the request; empty: the newest.
Answer Failure(const std::string& version, CniCode code, const Error& error);

}  // namespace davit::cni
