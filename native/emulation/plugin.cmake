# The plugin as it is shipped, but over the emulated device and the stand-in: libtwofour_cuda_emulated.so. Never packed.
file(GLOB plugin_sources CONFIGURE_DEPENDS ${native}/cuda/*.cc ${native}/backend/*.cc ${native}/base/*.cc)
add_library(twofour_cuda_emulated MODULE ${plugin_sources} plugin/queue_launches.cc)
twofour_stand_in_library(twofour_cuda_emulated twofour_cuda_emulated "" ${native}/cuda/exports.map)
set_target_properties(twofour_cuda_emulated PROPERTIES
  LIBRARY_OUTPUT_DIRECTORY ${CMAKE_LIBRARY_OUTPUT_DIRECTORY} BUILD_RPATH "$ORIGIN/emulated")
target_compile_definitions(twofour_cuda_emulated PRIVATE TWOFOUR_EMULATED=true)
target_link_libraries(twofour_cuda_emulated PRIVATE
  emulated_kernels emulated_device emulation_enqueue cudart_emulated Threads::Threads ${CMAKE_DL_LIBS})
# It opens these by their names.
add_dependencies(twofour_cuda_emulated cublaslt_emulated cusparselt_emulated)

file(GLOB plugin_checks CONFIGURE_DEPENDS tests/plugin/*.cc)
add_executable(plugin_test tests/plugin_test.cc tests/checks.cc ${plugin_checks} ${native}/backend/formats.cc)
target_include_directories(plugin_test PRIVATE ${native})
target_link_libraries(plugin_test PRIVATE cudart_emulated Threads::Threads ${CMAKE_DL_LIBS})
set_target_properties(plugin_test PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${emulated} BUILD_RPATH "$ORIGIN")
add_dependencies(plugin_test twofour_cuda_emulated)
add_test(NAME plugin_test COMMAND plugin_test)
