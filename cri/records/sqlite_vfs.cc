// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/records/sqlite_vfs.h"

#include <sqlite3.h>

namespace davit::cri::sqlite {
namespace {

int KeepSize(sqlite3_file*, sqlite3_int64) {
  return SQLITE_OK;
}

sqlite3_io_methods WithoutTruncate(const sqlite3_io_methods& methods) {
  sqlite3_io_methods copy = methods;
  copy.xTruncate = KeepSize;
  return copy;
}

int Open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  sqlite3_vfs* base = sqlite3_vfs_find("unix");
  int result = base->xOpen(base, name, file, flags, out_flags);
  if (result != SQLITE_OK || (flags & SQLITE_OPEN_MAIN_DB) == 0) return result;
  // "unix" has the same methods for every database file.
  static const sqlite3_io_methods kMethods = WithoutTruncate(*file->pMethods);
  file->pMethods = &kMethods;
  return result;
}

}  // namespace

const char* NeverShrinkingVfs() {
  static sqlite3_vfs vfs = [] {
    sqlite3_initialize();
    sqlite3_vfs copy = *sqlite3_vfs_find("unix");
    copy.zName = "davit";
    copy.xOpen = Open;
    return copy;
  }();
  static const int kRegistered = sqlite3_vfs_register(&vfs, /*makeDflt=*/0);
  return kRegistered == SQLITE_OK ? vfs.zName : nullptr;
}

}  // namespace davit::cri::sqlite
