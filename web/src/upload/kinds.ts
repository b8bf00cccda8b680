/** Which files are read as images: TIFF, PNG, and what browsers draw. Everything else is kept as it is. */
export const isTiff = (name: string): boolean => /\.(tiff?|tf[28]|btf)$/i.test(name);
export const isPng = (name: string): boolean => /\.png$/i.test(name);
export const isImage = (name: string): boolean => isTiff(name) || isPng(name) || /\.(jpe?g|webp|gif|bmp|avif)$/i.test(name);
