// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The file access (VFS) of SQLite in this program (https://sqlite.org/vfs.html).
#pragma once

namespace davit::cri::sqlite {

// The name of a VFS like SQLite's default one, except that a database file never shrinks. After a checkpoint
// SQLite truncates the file to the pages in use, which would free the blocks reserved behind them (room.h).
// No page is lost: the file's header contains the number of pages in use. Thread-safe.
const char* NeverShrinkingVfs();

}  // namespace davit::cri::sqlite
