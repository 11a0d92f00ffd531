// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/ns_handle.h"

#include "base/file_io.h"

namespace davit {

Result<NsHandle> NsHandle::OfSelf(const std::string& name) {
  // thread-self, because a thread may have left the namespaces of its process.
  return NsHandle(TRY(OpenAt(AT_FDCWD, "/proc/thread-self/ns/" + name, O_RDONLY)));
}

Result<> NsHandle::Enter(int type) const {
  if (setns(fd_.get(), type) < 0) return SystemError("setns", std::to_string(type));
  return {};
}

}  // namespace davit
