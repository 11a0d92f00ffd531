// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Errors on the wire.
#pragma once

#include "base/error.h"
#include "shim/protocol.h"

namespace davit {

ShimFailure ToFailure(const Error& error);

// A code that this version does not know becomes kInternal.
Error ToError(const ShimFailure& failure);

}  // namespace davit
