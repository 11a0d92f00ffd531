// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/failure.h"

namespace davit {

ShimFailure ToFailure(const Error& error) {
  return {static_cast<uint8_t>(error.code), error.os_errno, error.step, error.subject, error.context};
}

Error ToError(const ShimFailure& failure) {
  Code code = failure.code <= static_cast<uint8_t>(Code::kInternal) ? static_cast<Code>(failure.code)
                                                                    : Code::kInternal;
  return {code, failure.os_errno, failure.step, failure.subject, failure.context};
}

}  // namespace davit
