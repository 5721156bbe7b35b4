{
  # The illumos addons and what they are run against where there is no illumos. Made for tests only: see README.md.
  "variables": {
    "addon": "../../addon",
    "made": "<(module_root_dir)/../../addon/build/Release"
  },
  "target_defaults": {
    "defines": ["NAPI_VERSION=9", "NODE_ADDON_API_CPP_EXCEPTIONS_ALL"],
    "include_dirs": [
      "<!(node -p \"require('node-addon-api').include_dir\")",
      "<(addon)/src",
      "<(addon)/include/illumos"
    ],
    "cflags_cc!": ["-fno-exceptions", "-fno-rtti", "-std=gnu++17"],
    # GCC 12 sees overlapping copies in std::string where there are none (its bug 105651).
    "cflags_cc": ["-std=c++20", "-fexceptions", "-Wall", "-Wextra", "-Werror", "-Wno-restrict"]
  },
  "targets": [
    {
      "target_name": "stand-in-zonecfg",
      "type": "shared_library",
      "product_name": "libzonecfg",
      "product_extension": "so.1",
      "product_dir": "<(made)",
      "include_dirs": ["/usr/include/libxml2"],
      "ldflags": ["-Wl,-soname,libzonecfg.so.1"],
      "libraries": ["-lxml2"],
      "sources": [
        "libzonecfg/brand.cc",
        "libzonecfg/document.cc",
        "libzonecfg/index.cc",
        "libzonecfg/kernel.cc",
        "libzonecfg/resources.cc",
        "libzonecfg/scalars.cc",
        "libzonecfg/values.cc",
        "links/table.cc"
      ]
    },
    {
      "target_name": "stand-in-dladm",
      "type": "shared_library",
      "product_name": "libdladm",
      "product_extension": "so.1",
      "product_dir": "<(made)",
      "ldflags": ["-Wl,-soname,libdladm.so.1", "-Wl,-rpath,'$$ORIGIN'"],
      "libraries": ["-L<(made)", "-l:libzonecfg.so.1"],
      "dependencies": ["stand-in-zonecfg"],
      "sources": ["libdladm/links.cc", "libdladm/properties.cc", "links/table.cc"]
    },
    {
      "target_name": "stand-in-kstat",
      "type": "shared_library",
      "product_name": "libkstat",
      "product_extension": "so.1",
      "product_dir": "<(made)",
      "ldflags": ["-Wl,-soname,libkstat.so.1"],
      "sources": ["libkstat/kstat.cc"]
    },
    {
      "target_name": "stand-in-init",
      "type": "executable",
      "product_extension": "",
      "product_dir": "<(made)",
      "libraries": ["-pthread"],
      "sources": ["programs/init.cc", "programs/monitor.cc", "replay/json.cc"]
    },
    {
      "target_name": "stand-in-programs",
      "type": "executable",
      "product_extension": "",
      "product_dir": "<(made)",
      "libraries": [
        "-L<(made)",
        "-l:libzonecfg.so.1",
        "-l:libzfs.so.1",
        "-l:libzfs_core.so.1",
        "-l:libnvpair.so.1",
        "-Wl,-rpath,'$$ORIGIN'",
        "-Wl,-rpath,<(made)"
      ],
      "dependencies": ["stand-in-zonecfg", "stand-in-zfs"],
      "sources": ["programs/install.cc", "programs/programs.cc"]
    },
    {
      "target_name": "dladm",
      "product_dir": "<(made)",
      "ldflags": ["-Wl,-rpath,'$$ORIGIN'"],
      "sources": [
        "<(addon)/src/boundary/arguments.cc",
        "<(addon)/src/boundary/error.cc",
        "<(addon)/src/boundary/results.cc",
        "<(addon)/src/core/native_error.cc",
        "<(addon)/src/illumos/dladm.cc",
        "<(addon)/src/illumos/dladm_binding.cc",
        "<(addon)/src/illumos/dladm_library.cc"
      ]
    },
    {
      "target_name": "kstat",
      "product_dir": "<(made)",
      "ldflags": ["-Wl,-rpath,'$$ORIGIN'"],
      "sources": [
        "<(addon)/src/boundary/arguments.cc",
        "<(addon)/src/boundary/error.cc",
        "<(addon)/src/boundary/results.cc",
        "<(addon)/src/core/native_error.cc",
        "<(addon)/src/illumos/kstat.cc",
        "<(addon)/src/illumos/kstat_binding.cc"
      ]
    },
    {
      "target_name": "stand-in-sysevent",
      "type": "shared_library",
      "product_name": "libsysevent",
      "product_extension": "so.1",
      "product_dir": "<(made)",
      "ldflags": ["-Wl,-soname,libsysevent.so.1"],
      "libraries": ["-L<(made)", "-l:libnvpair.so.1", "-Wl,-rpath,'$$ORIGIN'"],
      "dependencies": ["stand-in-nvpair"],
      "sources": ["libsysevent/sysevent.cc"]
    },
    {
      "target_name": "sysevent",
      "product_dir": "<(made)",
      "ldflags": ["-Wl,-rpath,'$$ORIGIN'"],
      "sources": [
        "<(addon)/src/boundary/arguments.cc",
        "<(addon)/src/boundary/error.cc",
        "<(addon)/src/boundary/results.cc",
        "<(addon)/src/core/native_error.cc",
        "<(addon)/src/illumos/sysevent.cc",
        "<(addon)/src/illumos/sysevent_binding.cc"
      ]
    },
    {
      # What illumos has of posix.node, beside the one of this system.
      "target_name": "posix-illumos",
      "product_dir": "<(made)",
      "sources": [
        "<(addon)/src/boundary/arguments.cc",
        "<(addon)/src/boundary/error.cc",
        "<(addon)/src/boundary/results.cc",
        "<(addon)/src/core/native_error.cc",
        "<(addon)/src/illumos/posix_binding.cc",
        "<(addon)/src/unix/file_lock.cc",
        "<(addon)/src/unix/file_lock_binding.cc"
      ]
    },
    {
      # The same for codec.node: with headers of ours, which come before the system's.
      "target_name": "codec-illumos",
      "product_dir": "<(made)",
      "include_dirs+": ["<(addon)/src/illumos/codec"],
      "cflags_cc": ["-O3", "-Wno-psabi"],
      "sources": [
        "<(addon)/src/boundary/arguments.cc",
        "<(addon)/src/boundary/error.cc",
        "<(addon)/src/boundary/results.cc",
        "<(addon)/src/core/native_error.cc",
        "<(addon)/src/codec/attributes.cc",
        "<(addon)/src/codec/codec_binding.cc",
        "<(addon)/src/codec/decompress.cc",
        "<(addon)/src/codec/fletcher4.cc",
        "<(addon)/src/codec/record_header.cc",
        "<(addon)/src/illumos/codec/libraries.cc"
      ]
    },
    {
      # What illumos has for tree.node, beside the one of this system.
      "target_name": "tree-illumos",
      "product_dir": "<(made)",
      "sources": [
        "<(addon)/src/boundary/arguments.cc",
        "<(addon)/src/boundary/error.cc",
        "<(addon)/src/boundary/results.cc",
        "<(addon)/src/core/native_error.cc",
        "<(addon)/src/illumos/tree_system.cc",
        "<(addon)/src/unix/tree.cc",
        "<(addon)/src/unix/tree_binding.cc",
        "<(addon)/src/unix/tree_layer.cc"
      ]
    },
    {
      "target_name": "replay",
      "type": "executable",
      "product_extension": "",
      "product_dir": "<(made)",
      "include_dirs": ["/usr/include/libxml2"],
      "libraries": ["-L<(made)", "-l:libzonecfg.so.1", "-Wl,-rpath,'$$ORIGIN'"],
      "dependencies": ["stand-in-zonecfg"],
      "sources": ["replay/json.cc", "replay/replay.cc", "replay/structures.cc"]
    },
    {
      "target_name": "zonecfg",
      "product_dir": "<(made)",
      "ldflags": ["-Wl,-rpath,'$$ORIGIN'"],
      "sources": [
        "<(addon)/src/boundary/arguments.cc",
        "<(addon)/src/boundary/error.cc",
        "<(addon)/src/boundary/results.cc",
        "<(addon)/src/core/native_error.cc",
        "<(addon)/src/illumos/layout_check.cc",
        "<(addon)/src/illumos/zonecfg_binding.cc",
        "<(addon)/src/illumos/zonecfg_document.cc",
        "<(addon)/src/illumos/zonecfg_document_binding.cc",
        "<(addon)/src/illumos/zonecfg_library.cc",
        "<(addon)/src/illumos/zonecfg_resources.cc",
        "<(addon)/src/illumos/zonecfg_values.cc",
        "<(addon)/src/illumos/zonecfg_zones.cc"
      ]
    },
    {
      "target_name": "stand-in-nvpair",
      "type": "shared_library",
      "product_name": "libnvpair",
      "product_extension": "so.1",
      "product_dir": "<(made)",
      "ldflags": ["-Wl,-soname,libnvpair.so.1"],
      "sources": ["libzfs/nvpair.cc"]
    },
    {
      "target_name": "stand-in-zfs-core",
      "type": "shared_library",
      "product_name": "libzfs_core",
      "product_extension": "so.1",
      "product_dir": "<(made)",
      "ldflags": ["-Wl,-soname,libzfs_core.so.1"],
      "libraries": ["-L<(made)", "-l:libnvpair.so.1", "-Wl,-rpath,'$$ORIGIN'"],
      "dependencies": ["stand-in-nvpair"],
      "sources": [
        "libzfs/datasets.cc",
        "libzfs/files.cc",
        "libzfs/lzc.cc",
        "libzfs/partial.cc",
        "libzfs/receive.cc",
        "libzfs/state.cc",
        "libzfs/streams.cc"
      ]
    },
    {
      "target_name": "stand-in-zfs",
      "type": "shared_library",
      "product_name": "libzfs",
      "product_extension": "so.1",
      "product_dir": "<(made)",
      "ldflags": ["-Wl,-soname,libzfs.so.1"],
      "libraries": ["-L<(made)", "-l:libzfs_core.so.1", "-l:libnvpair.so.1", "-Wl,-rpath,'$$ORIGIN'"],
      "dependencies": ["stand-in-nvpair", "stand-in-zfs-core"],
      "sources": [
        "libzfs/changes.cc",
        "libzfs/iterate.cc",
        "libzfs/library.cc",
        "libzfs/mounts.cc",
        "libzfs/properties.cc"
      ]
    },
    {
      # Calls that the library ends the process for.
      "target_name": "zfs-abuse",
      "type": "executable",
      "product_extension": "",
      "product_dir": "<(made)",
      "libraries": ["-L<(made)", "-l:libzfs.so.1", "-l:libzfs_core.so.1", "-l:libnvpair.so.1", "-Wl,-rpath,'$$ORIGIN'"],
      "dependencies": ["stand-in-zfs"],
      "sources": ["libzfs/abuse.cc"]
    },
    {
      "target_name": "zfs",
      "product_dir": "<(made)",
      "ldflags": ["-Wl,-rpath,'$$ORIGIN'"],
      "sources": [
        "<(addon)/src/boundary/arguments.cc",
        "<(addon)/src/boundary/error.cc",
        "<(addon)/src/boundary/results.cc",
        "<(addon)/src/core/native_error.cc",
        "<(addon)/src/illumos/layout_check.cc",
        "<(addon)/src/illumos/zfs_binding.cc",
        "<(addon)/src/illumos/zfs_changes.cc",
        "<(addon)/src/illumos/zfs_datasets.cc",
        "<(addon)/src/illumos/zfs_library.cc",
        "<(addon)/src/illumos/zfs_pools.cc",
        "<(addon)/src/illumos/zfs_resume.cc",
        "<(addon)/src/illumos/zfs_session.cc",
        "<(addon)/src/illumos/zfs_streams.cc",
        "<(addon)/src/illumos/zfs_values.cc"
      ]
    }
  ]
}
