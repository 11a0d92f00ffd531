// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/checksum.h"

#include <isa-l/crc64.h>

namespace davit {

void Checksum::Update(std::string_view data) {
  value_ = crc64_ecma_refl(value_, reinterpret_cast<const unsigned char*>(data.data()), data.size());
}

}  // namespace davit
